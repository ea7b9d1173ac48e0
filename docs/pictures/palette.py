"""The colours of the pictures, in a light and in a dark theme."""

# Every colour is a CSS variable with a value for each theme. The hues are those of Okabe and
# Ito, which people with any kind of colour vision can tell apart.
THEMES = {
    "paper": ("#ffffff", "#0b0c0f"),
    "ink": ("#1f2937", "#e5e7eb"),
    "muted": ("#6b7280", "#9ca3af"),
    "faint": ("#c3c9d1", "#565d6b"),
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#d55e00", "#f0883e"),
    "green": ("#00805d", "#2fb891"),
    "purple": ("#a3487f", "#d991bd"),
}
PAPER, INK, MUTED, FAINT, BLUE, ORANGE, GREEN, PURPLE = (light for light, dark in THEMES.values())
