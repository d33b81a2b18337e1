"""National numbers of persons, told from other numbers by their check digits.

Sources: NHS Data Dictionary (NHS NUMBER, modulus 11); Swiss Central Compensation Office (AHV number, EAN-13
with prefix 756); INSEE (NIR, key 97 minus the number modulo 97); GKV-Spitzenverband (KVNR, cross sums with
weights 1 and 2, modulus 10); US Social Security Administration (areas, groups and serials never issued).
"""

from collections.abc import Sequence


def _digits(text: str) -> list[int]:
    return [int(sign) for sign in text if sign.isdecimal()]


def is_ssn(text: str) -> bool:
    """Whether ``AAA-GG-SSSS`` could have been issued; it has no check digit.

    Example:
        >>> is_ssn("219-09-9999"), is_ssn("666-09-9999"), is_ssn("219-00-9999")
        (True, False, False)
    """
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_nhs_number(text: str) -> bool:
    """Whether ten digits have the check digit of an NHS number.

    Example:
        >>> is_nhs_number("943 476 5919"), is_nhs_number("9434765918")
        (True, False)
    """
    digits = _digits(text)
    if len(set(digits)) == 1:
        return False
    total = sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == digits[9]


def is_ahv_number(text: str) -> bool:
    """Whether thirteen digits from 756 have the check digit of an AHV number.

    Example:
        >>> is_ahv_number("756.9217.0769.85"), is_ahv_number("756.9217.0769.84")
        (True, False)
    """
    digits = _digits(text)
    total = sum(digit * weight for digit, weight in zip(digits[:12], [1, 3] * 6, strict=True))
    return -total % 10 == digits[12]


def is_nir(text: str) -> bool:
    """Whether a French number has its key; Corsica's 2A and 2B count as 19 and 18.

    Example:
        >>> is_nir("1 85 05 78 006 084 91"), is_nir("1 85 05 78 006 084 92")
        (True, False)
    """
    plain = text.replace(" ", "").upper().replace("2A", "19").replace("2B", "18")
    return plain.isdecimal() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def is_kvnr(text: str) -> bool:
    """Whether a letter and nine digits have the check digit of a German insurance number.

    Example:
        >>> is_kvnr("A123456780"), is_kvnr("A123456781")
        (True, False)
    """
    letter = ord(text[0]) - ord("A") + 1
    digits = [letter // 10, letter % 10, *_digits(text[1:])]
    return _cross_sums(digits[:10]) % 10 == digits[10]


def _cross_sums(digits: Sequence[int]) -> int:
    weighted = [digit * (1 + place % 2) for place, digit in enumerate(digits)]
    return sum(value // 10 + value % 10 for value in weighted)
