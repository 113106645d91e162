"""Invented names: no person of the cooperative is meant."""

FIRST = (
    "Aïcha", "Anouk", "Arthur", "Bram", "Camille", "Chiara", "Dirk", "Elif", "Emma", "Farid", "Fien", "Gilles",
    "Hanne", "Ines", "Jef", "Julie", "Karim", "Lotte", "Louis", "Maëlle", "Mehdi", "Mila", "Nele", "Noor",
    "Olivier", "Pauline", "Quentin", "Robbe", "Salomé", "Sofie", "Thibault", "Tine", "Victor", "Wout",
    "Yasmina", "Zoë",
)  # fmt: skip
LAST = (
    "Aerts", "Bastin", "Bogaert", "Claes", "Collard", "Coppens", "De Backer", "Delvaux", "Dierickx", "Dubois",
    "El Amrani", "Fontaine", "Goossens", "Hermans", "Jacquemin", "Janssens", "Lambert", "Lemaire", "Maes",
    "Mertens", "Nys", "Özdemir", "Peeters", "Piron", "Renard", "Rossi", "Simonis", "Stevens", "Thiry",
    "Van Damme", "Vermeulen", "Wauters", "Willems",
)  # fmt: skip
