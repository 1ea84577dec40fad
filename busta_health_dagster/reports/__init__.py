"""A week in numbers -> what people read: HTML, mail, plain text, Markdown, pictures, JSON, CSV. Pure: the model in, text or
bytes out. Nothing here reads a store or a clock.
"""
