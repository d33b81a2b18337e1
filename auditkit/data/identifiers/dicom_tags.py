"""Attributes that the Basic Application Level Confidentiality Profile removes or replaces.

Of DICOM PS3.15, Annex E, Table E.1-1: those that name or number a patient, another person, a place or a
device, say when something took place, hold free text about the patient, or link to an archive.
"""

from collections.abc import Mapping
from typing import Final

_WORDS: Final[Mapping[str, str]] = {
    "patient": """
        PatientName PatientID PatientBirthDate PatientBirthTime OtherPatientIDs OtherPatientNames
        PatientBirthName PatientMotherBirthName IssuerOfPatientID PatientAddress PatientTelephoneNumbers
        PatientTelecomInformation MedicalRecordLocator MilitaryRank BranchOfService CountryOfResidence
        RegionOfResidence PatientReligiousPreference Occupation EthnicGroup ResponsiblePerson
        ResponsibleOrganization PersonName PersonAddress PersonTelephoneNumbers AdmissionID ServiceEpisodeID
        AccessionNumber StudyID InsurancePlanIdentification CurrentPatientLocation
        PatientInstitutionResidence
        """,
    "other person": """
        ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
        ConsultingPhysicianName PhysiciansOfRecord PerformingPhysicianName NameOfPhysiciansReadingStudy
        OperatorsName RequestingPhysician ScheduledPerformingPhysicianName VerifyingObserverName ReviewerName
        ContentCreatorName OrderEnteredBy OrderEntererLocation OrderCallbackPhoneNumber HumanPerformerName
        NamesOfIntendedRecipientsOfResults InterpretationRecorder InterpretationTranscriber
        InterpretationAuthor PhysicianApprovingInterpretation DistributionName
        """,
    "institution or device": """
        InstitutionName InstitutionAddress InstitutionalDepartmentName StationName PerformedStationName
        ScheduledStationName RequestingService PerformedLocation DeviceSerialNumber DetectorID PlateID
        CassetteID GantryID GeneratorID DeviceUID
        """,
    "date or time": """
        StudyDate SeriesDate AcquisitionDate ContentDate AcquisitionDateTime StudyTime SeriesTime
        AcquisitionTime ContentTime InstanceCreationDate InstanceCreationTime AdmittingDate AdmittingTime
        DischargeDate PerformedProcedureStepStartDate PerformedProcedureStepStartTime
        PerformedProcedureStepEndDate ScheduledProcedureStepStartDate IssueDateOfImagingServiceRequest
        LastMenstrualDate DateOfSecondaryCapture TimeOfSecondaryCapture CurveDate OverlayDate
        StudyVerifiedDate DateOfLastCalibration
        """,
    "free text": """
        PatientComments AdditionalPatientHistory ImageComments StudyComments VisitComments
        AcquisitionComments FrameComments InterpretationText ReasonForStudy AdmittingDiagnosesDescription
        """,
    "link to an archive": """
        StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID
        SynchronizationFrameOfReferenceUID IrradiationEventUID
        """,
}
# By keyword: what kind of identifier its value is.
TAGS: Final[Mapping[str, str]] = {
    word: kind for kind, words in _WORDS.items() for word in words.split()
}
# What those write who have removed a value.
REMOVED: Final = frozenset(
    {
        *(
            "anon",
            "anonymous",
            "anonymized",
            "anonymised",
            "anonym",
            "anonyme",
            "anonimo",
            "none",
            "na",
        ),
        *("deidentified", "removed", "redacted", "unknown", "xxx", "xxxx", "xxxxx", "19000101"),
    }
)
