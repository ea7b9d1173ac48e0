"""How the tables of a database server came to their present form, step by step."""
