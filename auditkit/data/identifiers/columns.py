"""Columns whose header says that they hold what identifies a person, in the main European languages."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_HEADERS: Final[Mapping[str, str]] = {
    "name of a person": """
        surname lastname familyname firstname givenname forename middlename fullname maidenname patientname
        nachname vorname familienname geburtsname patientenname nom nomdefamille nomdenaissance prenom
        nompatient cognome nomecognome nomepaziente apellido apellidos primerapellido segundoapellido
        nombreyapellidos nombrecompleto apelido sobrenome nomecompleto nomedopaciente achternaam voornaam
        patientnaam nazwisko imie imienazwisko efternamn fornamn etternavn fornavn efternavn sukunimi etunimi
        initials physician physicianname referringphysician operator operatorname radiologist
        arzt arztname medecin medico
        """,
    "date of birth": """
        dob birthdate dateofbirth birthday bday borndate geburtsdatum gebdatum gebdat geburtstag
        datedenaissance datenaissance ddn datadinascita datanascita fechadenacimiento fechanacimiento
        datadenascimento datanascimento geboortedatum gebdatum dataurodzenia fodelsedatum fodselsdato
        fodselsdag syntymaaika
        """,
    "record or insurance number": """
        mrn medicalrecordnumber medicalrecordno hospitalnumber patientnumber chartnumber accessionnumber
        accession ssn socialsecuritynumber socialsecurityno nhs nhsnumber nhsno chi chinumber hcn
        healthcardnumber medicare medicarenumber insurancenumber policynumber ahv ahvnummer ahvnr avs
        noavs numeroavs svnr sozialversicherungsnummer versichertennummer versicherungsnummer kvnr
        krankenkassennummer fallnummer fallnr nir insee nss numerosecu numerodesecuritesociale ipp
        codicefiscale tesserasanitaria dni nie nif nuhsa nhc historiaclinica numerodeutente utente cpf
        bsn burgerservicenummer rijksregisternummer pesel personnummer fodselsnummer cpr cprnummer
        hetu henkilotunnus passport passportnumber driverslicense
        """,
    "address": """
        address streetaddress homeaddress street adresse anschrift strasse wohnadresse rue indirizzo
        direccion domicilio morada endereco adres straat ulica adress gatuadress
        """,
    "postal code": """
        zip zipcode postcode postalcode plz postleitzahl codepostal codicepostale codigopostal codpostal
        kodpocztowy postnummer
        """,
    "telephone number": """
        phone phonenumber telephone telephonenumber tel telno telnr telefon telefonnummer mobile mobilephone
        mobilenumber handy handynummer natel cellphone fax faxnumber numerodetelephone portable telefono
        cellulare telefoonnummer telefoon telemovel
        """,
    "e-mail address": "email emailaddress mail mailaddress emailadresse courriel correo correoelectronico",
}
_KNOWN: Final = {word: what for what, words in _HEADERS.items() for word in words.split()}
# Words before or behind what a column holds.
_PREFIX: Final = re.compile(r"^(?:patients?|patienten|subject|person|pt|pat)(?=.{3})")
# Columns called so hold names of files and of classes as often as of persons.
_NAME: Final = frozenset({"name", "names", "nome", "nombre", "naam", "namn", "navn", "nimi"})
_PERSON: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*,?(?: [^\W\d_]+(?:['’-][^\W\d_]+)*\.?)+")


def header(name: str) -> str:
    """What a column holds by its header; "" if that says nothing.

    Example:
        >>> header("Patient_Last-Name"), header("Geburtsdatum"), header("image_name")
        ('name of a person', 'date of birth', '')
    """
    plain = _plain(name)
    return _KNOWN.get(plain) or _KNOWN.get(_PREFIX.sub("", plain), "")


def holds_names(name: str, texts: Mapping[str, int]) -> bool:
    """Whether a column that is called just "name" holds names of persons: words in most of its cells.

    Example:
        >>> holds_names("Name", {"Anna Huber": 1, "Li, Wei": 1}), holds_names("name", {"cat.jpg": 3})
        (True, False)
    """
    filled = [text for text in texts if text]
    words = sum(bool(_PERSON.fullmatch(text)) for text in filled)
    return _plain(name) in _NAME and bool(filled) and 2 * words > len(filled)


def _plain(name: str) -> str:
    """Letters only, small, without accents."""
    apart = unicodedata.normalize("NFKD", name.casefold().replace("ø", "o").replace("ł", "l"))
    return "".join(sign for sign in apart if sign.isalpha())
