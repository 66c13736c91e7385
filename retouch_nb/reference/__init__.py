"""The reference: every page and table written from the declarations, so that none of them can lie."""
