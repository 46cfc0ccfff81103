"""The offline viewer: a folder of maps becomes a page that opens by double-click, with film, map, marks and truth.

In: what `mammomap segment` wrote, the key beside it, tables of truth where there are any. Out: a folder that asks for
nothing outside itself (data as script files, films as tiles), or one HTML file. No path, PatientID or UID goes in.
The browser's part lies in `web/`, with OpenSeadragon as it is published on npm (`web/README.md`).
"""
