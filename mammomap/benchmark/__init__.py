"""`mammomap benchmark`: truth and maps of any origin -> a report that can be checked.

Every system is judged on the same films, by the same rule, with the same resamples of women, so that differences
are paired. Out: REPORT/report.json, REPORT/index.html, and `candidates.csv` and `scores.csv` that they rest on.
"""
