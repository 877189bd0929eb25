"""How each data set lies on disk: a module a family, each a function from a listing of files to ``Rows``."""
