"""The icons data set: `groupnl data icons` draws it, `groupnl train` reads it.

Flow: `sources` fetches four npm packages of emoji drawings, `drawings` reads them, `emoji` names what each
one shows, `split` decides which are for testing, `render` puts each on a background (`backgrounds`), `build`
writes the image folders, `dataset` is the record beside them, and `command` is the command line.
"""
