"""Reports: Markdown for a terminal and a pull request, one HTML page to read answers on."""
