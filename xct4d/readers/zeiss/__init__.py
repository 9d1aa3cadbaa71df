"""Zeiss Xradia: .txrm scans and .xrm single images, which are OLE files."""
