"""Names, places and things of `llmbook.corpora.reports`.

Within a list the earlier is the more frequent: a draw follows Zipf's law (Zipf 1949), as names in
real text do, so a few are everywhere and many are rare. The lists of strangers come in no report
to learn from.
"""

_NAMES = """
Anna Omar Mei Tom Lucia Ravi Greta Kofi Yuki Pedro Nora Ivan Leila Hugo Aisha Jonas Priya Mateo
Sofia Chen Ruth Dmitri Amara Felix Hana Luis Ingrid Tariq Clara Bruno Zara Emil Fatima Oscar Linh
Marco Elena Kwame Astrid Diego Naomi Pavel Rosa Samir Freya Tomas Nadia Victor Keiko Andre Salma
Lars Beatriz Idris Judith Miguel Olga Simon Thandi Werner Camila Farid Helga Jorge Katya Malik
Odette Rafael Selma Ulrich Vera Yusuf Agnes Boris Carmen Dario Edith Franz Gloria Hassan
"""
_PLACES = """
Oslo Lima Cairo Leeds Hanoi Turin Quito Bergen Lagos Porto Delhi Ghent Kyoto Malmo Perth Accra
Basel Cork Dakar Essen Fargo Galway Havana Izmir Jaipur Krakow Lyon Milan Nairobi Odessa Patna
Riga Seville Tampere Utrecht Vilnius Windhoek York Zagreb Bristol
"""
_STRANGE_NAMES = """
Wanda Xavier Petra Ozan Quinn Rashid Sven Tamara Umberto Viola Wilhelm Ximena Yvonne Zoltan
Bettina Caspar Delphine Esra Gideon Henrike Ismael Jelena Kasimir Lorena Magnus
"""
_STRANGE_PLACES = """
Aarhus Bilbao Chester Dresden Exeter Faro Genoa Haifa Ipswich Jena Kazan Luton Maputo Nantes
Orlando
"""
NAMES, PLACES = tuple(_NAMES.split()), tuple(_PLACES.split())
STRANGE_NAMES, STRANGE_PLACES = tuple(_STRANGE_NAMES.split()), tuple(_STRANGE_PLACES.split())
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS, STRANGE_NUMBERS = tuple(range(3, 91)), tuple(range(91, 200))

THINGS = {  # by kind of event
    "delivery": (
        "chairs", "lamps", "books", "blankets", "bricks", "tents", "pumps", "bicycles", "shovels",
        "beds",
    ),
    "race": ("running", "cycling", "rowing", "skiing", "swimming", "sailing"),
    "vote": ("mayor", "treasurer", "captain", "secretary", "president", "librarian"),
}  # fmt: skip
