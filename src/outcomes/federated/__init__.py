"""A study of several sites whose patients' rows stay where they are: a signed package goes out, protected marts come
back and are merged.
"""
