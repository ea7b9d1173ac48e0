"""Pure mathematics: arrays in, arrays out; knows no trial."""
