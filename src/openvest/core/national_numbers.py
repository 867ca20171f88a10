"""National identity numbers and tax numbers of natural persons: which exist in a country and when one is well formed.

A number is checked by its check digit where it has one, else by its published pattern, else taken as it is. What a form
permits beside the usual one is the library's knowledge, not ours: numbers of newcomers (BIS in Belgium, D-numbers in
Norway, NIE in Spain, LNCh in Bulgaria, coordination numbers in Sweden), new signs of a century, codes made unlike an
equal one. Countries whose standard has no published name use the field's general codes NIDN (national identity number)
and CCPT (passport number).

Source: reference (users).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stdnum import luhn
from stdnum.at import tin as at_tin
from stdnum.be import ssn as be_ssn
from stdnum.bg import egn as bg_egn
from stdnum.bg import pnf as bg_pnf
from stdnum.de import idnr as de_idnr
from stdnum.dk import cpr as dk_cpr
from stdnum.ee import ik as ee_ik
from stdnum.es import nif as es_nif
from stdnum.exceptions import ValidationError
from stdnum.fi import hetu as fi_hetu
from stdnum.fr import nif as fr_nif
from stdnum.hr import oib as hr_oib
from stdnum.ie import pps as ie_pps
from stdnum.is_ import kennitala as is_kennitala
from stdnum.it import codicefiscale as it_codicefiscale
from stdnum.lt import asmens as lt_asmens
from stdnum.lv import pvn as lv_pvn
from stdnum.nl import bsn as nl_bsn
from stdnum.no import fodselsnummer as no_fodselsnummer
from stdnum.pl import nip as pl_nip
from stdnum.pl import pesel as pl_pesel
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp as ro_cnp
from stdnum.se import personnummer as se_personnummer
from stdnum.si import emso as si_emso
from stdnum.sk import rc as sk_rc
from stdnum.us import tin as us_tin

from openvest.core.texts import visible_line

Valid = Callable[[str], bool]
NATIONAL = "NIDN"
PASSPORT = "CCPT"


def _matches(pattern: str) -> Valid:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _both(first: Valid, second: Valid) -> Valid:
    return lambda value: first(value) and second(value)


def _either(first: Valid, second: Valid) -> Valid:
    return lambda value: first(value) or second(value)


def any_number(value: str) -> bool:
    """Whether there is something to see in one line: all that is asked of a number whose form nobody publishes."""
    try:
        return visible_line(value) == value
    except ValueError:
        return False


_SE_COORDINATION = re.compile("((?:[0-9]{2})?[0-9]{4})([0-9]{2})([-+][0-9]{4})")


def _se_coordination(value: str) -> bool:
    """A Swedish samordningsnummer: a personnummer whose day of birth is 60 higher, the check digit over just that.

    Why here: the library has personnummer alone.
    """
    parts = _SE_COORDINATION.fullmatch(se_personnummer.compact(value))
    if parts is None:
        return False
    date, day, rest = parts.groups()
    try:
        se_personnummer.get_birth_date(f"{date}{int(day) - 60:02}{rest}")
    except ValidationError:
        return False
    return luhn.is_valid((date + day + rest[1:])[-10:])


_SE = _either(se_personnummer.is_valid, _se_coordination)


@dataclass(frozen=True, slots=True)
class Standard:
    """One kind of identifier of a country. `valid` judges its text; a check digit is checked where there is one."""

    name: str
    valid: Valid


STANDARDS: dict[str, tuple[Standard, ...]] = {
    "BE": (Standard("BNN", _both(_matches("[0-9]{11}"), be_ssn.is_valid)),),
    "BG": (Standard("BPN", _either(bg_egn.is_valid, bg_pnf.is_valid)),),
    "CY": (Standard("CYPN", _matches("E[0-9]{6}|K[0-9]{8}")),),
    "CZ": (
        Standard("CZNI", _matches("[0-9]{2,6}-?[0-9]{2,10}/?[0-9]{4}")),
        Standard("CZPN", _matches("[0-9]{8,10}")),
    ),
    "DK": (Standard("DPIC", _both(_matches("[0-9]{10}"), dk_cpr.is_valid)),),
    "EE": (Standard("EPIC", _both(_matches("[0-9]{11}"), ee_ik.is_valid)),),
    "ES": (Standard("STIN", _both(_matches("[A-Z0-9]{9}"), es_nif.is_valid)),),
    "FI": (Standard("FPIN", fi_hetu.is_valid),),
    "GB": (Standard("GPN", _matches("[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")),),
    "HR": (Standard(NATIONAL, hr_oib.is_valid),),
    "IS": (Standard(NATIONAL, is_kennitala.is_valid),),
    "IT": (Standard(NATIONAL, it_codicefiscale.is_valid),),
    "LT": (Standard(NATIONAL, lt_asmens.is_valid), Standard("LTPN", _matches("[0-9]{8}"))),
    "LV": (Standard(NATIONAL, lv_pvn.is_valid),),
    "MT": (Standard("MTPN", _matches("[0-9]{7}")), Standard(NATIONAL, any_number)),
    "NL": (Standard("NLPN", _matches("[A-Z0-9]{9}")),),
    "NO": (Standard(NATIONAL, no_fodselsnummer.is_valid),),
    "PL": (
        Standard("PESEL", pl_pesel.is_valid),
        Standard("PLTN", _both(_matches("[0-9]{10}"), pl_nip.is_valid)),
    ),
    "PT": (Standard(NATIONAL, pt_nif.is_valid), Standard("PTPN", _matches("[A-Z]{1,2}[0-9]{6}"))),
    "RO": (Standard(NATIONAL, ro_cnp.is_valid), Standard("ROPN", _matches("[A-Z0-9]{8,9}"))),
    "SE": (Standard(NATIONAL, _SE),),
    "SI": (Standard(NATIONAL, si_emso.is_valid),),
    "SK": (Standard(NATIONAL, sk_rc.is_valid), Standard("SKPS", _matches("[A-Z]{2}[0-9]{7}"))),
}
_OTHER = (Standard(NATIONAL, any_number),)
_PASSPORTS = (Standard(PASSPORT, any_number),)

TAX_NUMBERS: dict[str, Valid] = {
    "AT": at_tin.is_valid,
    "BE": be_ssn.is_valid,
    "DE": de_idnr.is_valid,
    "EE": ee_ik.is_valid,
    "ES": es_nif.is_valid,
    "FI": fi_hetu.is_valid,
    "FR": fr_nif.is_valid,
    "HR": hr_oib.is_valid,
    "IE": ie_pps.is_valid,
    "IT": it_codicefiscale.is_valid,
    "LT": lt_asmens.is_valid,
    "NL": nl_bsn.is_valid,
    "NO": no_fodselsnummer.is_valid,
    "PL": _either(pl_pesel.is_valid, pl_nip.is_valid),
    "PT": pt_nif.is_valid,
    "RO": ro_cnp.is_valid,
    "SE": _SE,
    "US": us_tin.is_valid,
}
"""Tax numbers of natural persons that carry a check digit or a known form; other countries' are taken as they are."""


def standards(kind: Literal["NATIONAL_ID", "PASSPORT"], country: str) -> tuple[Standard, ...]:
    """What the country issues, first priority first, without CONCAT."""
    return _PASSPORTS if kind == "PASSPORT" else STANDARDS.get(country, _OTHER)
