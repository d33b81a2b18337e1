"""What only people know about a device: the fields of its dossier."""

from auditkit.spec.dossier_fields import (
    AI_ACT,
    CLAIM,
    FDA,
    GMLP,
    MDR,
    MODEL_CARDS,
    Dossier,
    Text,
    asked,
)

_PURPOSE = (f"{FDA}, V and VI.B", f"{GMLP}, principle 1", f"{AI_ACT}, Annex IV 1(a)")


class ModelDossier(Dossier):
    """What the manufacturer states about a device; nothing of it is checked or computed with."""

    device: Text = asked(
        "Device",
        "Name under which the device is placed on the market, as on its label. Example: DermaCheck.",
        f"{FDA}, appendix E",
        f"{MDR}, Annex II 1.1(a)",
        f"{AI_ACT}, Annex IV 1(a)",
    )
    version: Text = asked(
        "Version under test",
        "Version of the software that these weights belong to. Example: 2.4.1, build 118.",
        f"{FDA}, X and appendix E",
        f"{AI_ACT}, Annex IV 1(a)",
    )
    udi: Text = asked(
        "UDI",
        "Basic UDI-DI or UDI-DI, if one is assigned. Example: Basic UDI-DI 4012345DERMACHECK9Z.",
        f"{MDR}, Annex II 1.1(b)",
        needed=False,
    )
    regulatory_status: Text = asked(
        "Regulatory status",
        "Class, clearance or certificate with its number and date, per market; or that there is none. "
        "Example: MDR class IIa, in conformity assessment; not on the market.",
        f"{FDA}, appendix E",
        f"{MDR}, Annex II 1.1",
    )
    manufacturer: Text = asked(
        "Manufacturer",
        "Legal manufacturer with its place, and whom to ask. Example: Example Medical GmbH, Bonn, "
        "regulatory@example.org.",
        f"{FDA}, appendix E",
        f"{AI_ACT}, Art. 13(3)(a)",
        f"{MODEL_CARDS}, model details",
    )
    released_version: Text = asked(
        "Released version",
        "The version that is or will be released, how it differs from the one under test, and what that "
        "does to these results. Example: 2.4.2; same weights and preprocessing, texts of the app changed.",
        f"{FDA}, X",
        f"{AI_ACT}, Annex IV 6",
    )
    intended_use: Text = asked(
        "Intended use",
        "What the output is for, in one or two sentences as in the labelling. Example: to help "
        "dermatologists decide which pigmented lesions to biopsy.",
        *_PURPOSE,
        f"{CLAIM}, items 3 and 41",
        f"{MODEL_CARDS}, intended use",
    )
    indications: Text = asked(
        "Indications",
        "Disease or condition, and when the device is to be used. Example: pigmented skin lesions of 3 to "
        "20 mm in adults in whom melanoma is suspected.",
        f"{FDA}, V",
        f"{MDR}, Annex II 1.1(c)",
    )
    population: Text = asked(
        "Patient population",
        "Age, sex, skin types, setting and country of the patients that it is meant for, and who was left "
        "out. Example: adults of all Fitzpatrick skin types; not children.",
        *_PURPOSE,
        f"{CLAIM}, item 3",
    )
    users: Text = asked(
        "Users",
        "Profession, training and experience that users need. Example: dermatologists, after one hour of "
        "training; not patients themselves.",
        *_PURPOSE,
        f"{AI_ACT}, Art. 13",
        f"{MODEL_CARDS}, intended use",
    )
    workflow: Text = asked(
        "Place in the workflow",
        "Before, during or after which decision, on which images, and what happens next. Example: second "
        "reader after dermoscopy; shown once the user has noted an own opinion.",
        f"{FDA}, V",
        f"{CLAIM}, items 3 and 41",
    )
    automation: Text = asked(
        "Degree of automation",
        "What is decided without a person, and how a person oversees and overrules it. Example: advice "
        "only; nothing is decided or triaged without the dermatologist.",
        f"{FDA}, V",
        f"{AI_ACT}, Art. 14",
    )
    misuse: Text = asked(
        "Foreseeable misuse",
        "Uses that are not intended but to be expected, and what is done about them. Example: consumers "
        "photographing lesions by telephone; the app refuses images without a dermatoscope's ring.",
        f"{AI_ACT}, Art. 9(2)(b) and 13(3)(b)(iii)",
        f"{MODEL_CARDS}, intended use",
    )
    contraindications: Text = asked(
        "Contraindications",
        "When it must not be used; or that none is known, and how that was looked into. Example: lesions "
        "on mucosa, nails and soles.",
        f"{FDA}, VI.B",
        f"{MODEL_CARDS}, intended use",
    )
    out_of_scope: Text = asked(
        "Out-of-scope inputs",
        "Images that it was not made for, and what it does when it is given one. Example: clinical "
        "photographs, several lesions in one image; not detected, a score is given all the same.",
        f"{AI_ACT}, Art. 13(3)(b)",
        f"{FDA}, VI.B",
        f"{MODEL_CARDS}, intended use",
    )
    model_description: Text = asked(
        "Model description",
        "Kind of model, inputs, outputs, what is done before and after it; locked or learning. Example: "
        "one EfficientNet-B3, dermoscopic image in, probability of melanoma out; locked.",
        f"{FDA}, IX",
        f"{AI_ACT}, Annex IV 2(b)",
        f"{CLAIM}, item 22",
        f"{MODEL_CARDS}, model details",
    )
    threshold_choice: Text = asked(
        "How the threshold was chosen",
        "On which data, by which rule and by whom; or that there is no threshold. Example: greatest "
        "specificity at a sensitivity of 0.95 on the tuning set, fixed before the test data were read.",
        f"{FDA}, IX",
        f"{CLAIM}, item 22",
    )
    calibration: Text = asked(
        "Calibration",
        "How scores were calibrated, on which data; or that they are not probabilities. Example: "
        "temperature scaling on the tuning set, T = 1.7.",
        f"{FDA}, IX",
        f"{AI_ACT}, Annex IV 2(b)",
    )
    training_data: Text = asked(
        "Training data",
        "Sources, dates, number of patients and images, make-up by class and group, labels. Example: "
        "18 204 images of 9 310 patients, three hospitals, 2012 to 2019, 14 % melanoma.",
        f"{FDA}, VIII",
        f"{AI_ACT}, Annex IV 2(d)",
        f"{CLAIM}, items 7 and 19",
        f"{MODEL_CARDS}, training data",
    )
    independence: Text = asked(
        "Independence of the test data",
        "Which patients, sites and devices the test data share with training and tuning, and how that is "
        "known. Example: other hospitals; patient numbers compared, none in both.",
        f"{FDA}, VIII",
        f"{GMLP}, principle 4",
        f"{CLAIM}, items 19 and 20",
    )
    sequestration: Text = asked(
        "Sequestration of the test data",
        "Who could see the test data, since when, and how often they were used before. Example: held by "
        "the statistics department; used once before, for version 2.3.",
        f"{FDA}, VIII",
        f"{GMLP}, principle 4",
    )
    team_evidence: Text = asked(
        "People and device together",
        "Evidence on how well people do with the device; or the words: stand-alone performance only. "
        "Example: reader study with 12 dermatologists, report RS-04.",
        f"{FDA}, X.A",
        f"{GMLP}, principle 7",
    )
    hazards: Text = asked(
        "Hazards and risk file",
        "The risk management file with its version, and which hazards these audits are evidence for. "
        "Example: RMF-011 rev. 3; H-07 (missed melanoma in pink light): audit derm-colour.",
        f"{FDA}, VII",
        f"{AI_ACT}, Art. 9 and Annex IV 5",
        "BS/AAMI 34971:2023",
    )
    limitations: Text = asked(
        "Known limitations",
        "Known limits of data, method and model, and where errors are to be expected. Example: no "
        "nodular melanomas in training; less sensitive on skin types V and VI.",
        f"{FDA}, VI.B",
        f"{CLAIM}, item 40",
        f"{AI_ACT}, Art. 13(3)(b) and Annex IV 3",
        f"{MODEL_CARDS}, caveats and recommendations",
    )
    monitoring: Text = asked(
        "Post-market monitoring",
        "What is watched once it is in use, from which value on somebody acts, and who. Example: share of "
        "positive scores per site and month; a change above 5 points is looked into.",
        f"{FDA}, XI",
        f"{AI_ACT}, Art. 72 and Annex IV 9",
    )
    change_control: Text = asked(
        "Predetermined change control",
        "Plan and limits within which later versions may change, and where this one stands in it; empty if "
        "there is no plan. Example: PCCP-02: retraining on new sites; AUROC not below 0.90.",
        "FDA guidance on predetermined change control plans (2024)",
        f"{AI_ACT}, Annex IV 2(f)",
        needed=False,
    )
    missing_demographics: Text = asked(
        "Missing demographics",
        "Groups that could not be tested: why, why that is acceptable, how the risk is controlled; empty "
        "if none. Example: race is not recorded at two sites; skin type is reported in its place.",
        f"{FDA}, X.A",
        needed=False,
    )
