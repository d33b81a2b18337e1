"""What only people know about a data set: the fields of its dossier."""

from auditkit.spec.dossier_fields import AI_ACT, CLAIM, FDA, MODEL_CARDS, Dossier, Text, asked

_EVALUATION = f"{MODEL_CARDS}, evaluation data"
_STANDARD = f"{FDA}, VIII"


class DataDossier(Dossier):
    """What its provider states about a data set; nothing of it is checked or computed with."""

    version: Text = asked(
        "Name and version",
        "Name and version under which these very images are kept. Example: DERM-TEST 1.2 of 2025-03-01, "
        "frozen.",
        f"{FDA}, VIII",
        f"{AI_ACT}, Annex IV 2(g)",
        f"{CLAIM}, item 7",
    )
    collection: Text = asked(
        "Collection: sites and dates",
        "Where, when and how patients and images were collected; prospective or not; consecutive or "
        "chosen. Example: two university clinics, 2020 to 2023, consecutive excisions.",
        f"{FDA}, VIII",
        f"{AI_ACT}, Annex IV 2(d)",
        f"{CLAIM}, items 5 and 7",
        _EVALUATION,
    )
    acquisition: Text = asked(
        "Acquisition devices",
        "Makers, models and settings of what took the images, and the protocol. Example: DermLite DL4 on "
        "iPhone 11, polarised, contact; 640 by 480 JPEG.",
        f"{FDA}, VIII",
        f"{CLAIM}, item 13",
    )
    population: Text = asked(
        "Population",
        "Who the patients are: age, sex, skin type or ethnicity, severity, prevalence; and what is not "
        "recorded. Example: 512 adults, median 58 years, 47 % women; ethnicity not recorded.",
        f"{FDA}, VIII",
        f"{AI_ACT}, Annex IV 2(g)",
        f"{CLAIM}, items 8 and 36",
        _EVALUATION,
    )
    reference_standard: Text = asked(
        "Reference standard",
        "How the truth was found for each case, and why this way. Example: histopathology of all lesions; "
        "benign ones without biopsy were followed up for two years.",
        _STANDARD,
        f"{CLAIM}, items 14 and 15",
        f"{AI_ACT}, Annex IV 2(d)",
    )
    annotators: Text = asked(
        "Annotators and their expertise",
        "Who gave labels and regions: how many per case, training, years. Example: two of five "
        "dermatopathologists per case, each with more than ten years.",
        _STANDARD,
        f"{CLAIM}, items 16 and 17",
    )
    blinding: Text = asked(
        "Blinding",
        "What annotators knew: of the device's output, of one another, of clinical data. Example: blind to "
        "the device and to each other; age and site were given.",
        _STANDARD,
        f"{CLAIM}, item 17",
    )
    adjudication: Text = asked(
        "Adjudication",
        "What happened when annotators disagreed. Example: a third one decided in 31 of 512 cases.",
        _STANDARD,
        f"{CLAIM}, item 17",
    )
    variability: Text = asked(
        "Annotators' variability",
        "Agreement between annotators, and of each with himself or herself, with its measure; or that it "
        "was not measured. Example: Cohen's kappa 0.81 [0.76, 0.86].",
        _STANDARD,
        f"{CLAIM}, item 18",
    )
    exclusions: Text = asked(
        "Exclusions",
        "Who and what was left out before these files were made, how many, and why. Example: 44 images "
        "out of focus, by a rule that was written before; 3 patients withdrew.",
        f"{FDA}, X.A and appendix C",
        f"{CLAIM}, items 8 and 35",
    )
    deidentified: Text = asked(
        "De-identification",
        "Who cleared the images and tables for disclosure, when, and how identifiers were removed. "
        "Example: data protection office, 2024-06-02; DICOM PS3.15 basic profile, faces cropped.",
        f"{CLAIM}, item 11",
        f"{FDA}, VIII",
        "45 CFR 164.514",
        "GDPR, Art. 4(5)",
    )
    ethics: Text = asked(
        "Ethics and licence",
        "Approval with its number, consent, and what the licence permits. Example: ethics committee "
        "2020-118, consent waived; internal use only.",
        f"{FDA}, VIII",
        f"{AI_ACT}, Art. 10(2)(b)",
    )
    synthetic: Text = asked(
        "Synthetic images",
        "Which images are generated or altered, by what, and why they are fit for this use; empty if "
        "none. Example: 200 drawn by derm-diffusion 1.0, for the control of colour only.",
        f"{FDA}, VIII",
        needed=False,
    )
