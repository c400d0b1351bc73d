"""A referral whose patient has a confidential address, full of places that must not be kept."""

from __future__ import annotations

from tests.bad_inputs.message import spoil

STREET, BOX, CODE, CITY = "Kanarifuglvegen 1234", "Postboks 98765", "8765", "Kanarivik"
COUNTY, DISTRICT, WORKPLACE = "Kanarifylket", "Kanaribydelen", "Kanariklubben"
SHELTER = "Kanarivik krisesenter"
FIXED, RELATIVES_FIXED = "+4755098765", "+4755098764"
MOBILE = "+4790012345"
RELATIVES_STREET = "Nabokanarivegen 4321"
GPS_STREET = "Legekanarivegen 2222"
CANARIES = (
    *("Kanari", "kanarivegen", "98765", "8765", "098764"),
    *(STREET, BOX, CODE, CITY, COUNTY, DISTRICT, WORKPLACE, SHELTER, FIXED, RELATIVES_FIXED, RELATIVES_STREET, GPS_STREET),
)
"""Whatever of these is found, something that gives a place away was kept."""


def referral(marker: str = "STRENGT FORTROLIG", *, units: bool = True) -> str:
    """Without a marker the address is an ordinary one; without `units` nobody else's place is told."""
    address = (
        '<Type V="H" DN="Bostedsadresse"/>'
        f"<StreetAdr>{STREET}</StreetAdr><PostalCode>{CODE}</PostalCode><City>{CITY}</City><Postbox>{BOX}</Postbox>"
        f'<County V="99" DN="{COUNTY}"/><Country V="NO" DN="Norge"/><CityDistr V="9901" DN="{DISTRICT}"/>'
    )
    marked = f'</Address><Address><Type V="PST" DN="Postadresse"/><StreetAdr>{marker}</StreetAdr>' if marker else ""
    relative = (
        f'<fk1:Address><fk1:Type V="H" DN="Bostedsadresse"/><fk1:StreetAdr>{RELATIVES_STREET}</fk1:StreetAdr>'
        f"<fk1:PostalCode>{CODE}</fk1:PostalCode><fk1:City>{CITY}</fk1:City></fk1:Address>"
        f'<fk1:TeleCom><fk1:TypeTelecom V="HP"/><fk1:TeleAddress V="tel:{RELATIVES_FIXED}"/></fk1:TeleCom>\n'
    )
    unit = (
        "<po:TilknyttetEnhet><po:Kontaktenhet>"
        f"<fk1:OrganisationName>{SHELTER}</fk1:OrganisationName>"
        '<fk1:Ident><fk1:Id>8000777</fk1:Id><fk1:TypeId V="HER" S="2.16.578.1.12.4.1.1.9051" DN="HER-id"/></fk1:Ident>'
        f"<fk1:Address><fk1:City>{CITY}</fk1:City></fk1:Address>"
        "</po:Kontaktenhet></po:TilknyttetEnhet>\n"
    )
    gp = f"<fk1:Address><fk1:StreetAdr>{GPS_STREET}</fk1:StreetAdr></fk1:Address>"
    return spoil(
        (
            '<Type V="H" DN="Bostedsadresse"/>\n\t\t\t\t<StreetAdr>Havnegata 2</StreetAdr>\n\t\t\t\t'
            "<PostalCode>2999</PostalCode>\n\t\t\t\t<City>Lynghei</City>",
            address + marked,
        ),
        ('<TeleAddress V="tel:+4700002101"/>', f'<TeleAddress V="tel:{FIXED}"/>'),
        (
            "</Address>\n\t\t\t<TeleCom>",
            f'</Address>\n\t\t\t<TeleCom><TypeTelecom V="MC"/><TeleAddress V="tel:{MOBILE}"/></TeleCom><TeleCom>',
        ),
        ('<fk1:Sex V="1" DN="Mann"/>', f'<fk1:Sex V="1" DN="Mann"/>{relative}'),
        ("<po:KontaktpersonHelsepersonell>", f"{unit if units else ''}<po:KontaktpersonHelsepersonell>"),
        ("<fk1:GivenName>Rolf Reserve</fk1:GivenName>", f"<fk1:GivenName>Rolf Reserve</fk1:GivenName>{gp if units else ''}"),
        ("<TextResultValue>", f"<TextResultValue>Bor i {STREET}. "),
    )
