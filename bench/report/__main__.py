# SPDX-License-Identifier: MIT
"""balloon-bench report: DIR FILE...

Writes DIR/index.html, which needs no other file, DIR/plots/*.svg and DIR/table.csv. balloon-bench starts it, and has
read the command line."""

import os
import sys

import results
from results import Problem


def page_of(model):
    """index.html, the plots by their names, and table.csv."""
    try:
        import jinja2
    except ImportError:
        raise Problem("report: jinja2 is not installed for Python (Debian: python3-jinja2)") from None
    import advice
    import goals
    import plots
    import selection
    import tables
    import words

    selection.predict(model)
    drawn, lines = plots.plots_of(model), [goals.attain(model, goal) for goal in goals.GOALS]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(os.path.dirname(__file__)), autoescape=True,
                                     finalize=words.clean, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters["prose"] = words.prose
    page = environment.get_template("page.html").render(model=model, advice=advice, lines=lines, plots=drawn,
                                                        tables=tables, words=words)
    return page, {f"plots/{plot.id}.svg": str(plot.svg) for plot in drawn}, tables.csv(model)


def write_all(directory, files):
    """Everything is written before anything takes its place. The last one is what tells of the others."""
    at, made, parts = directory, [], {}
    try:
        for at in (directory, os.path.join(directory, "plots")):
            if not os.path.isdir(at):
                os.mkdir(at)
                made.append(at)
        for name, text in files.items():
            at = os.path.join(directory, name)
            if os.path.isdir(at):
                raise Problem(f"{at}: Is a directory")
            parts[at] = f"{at}.{os.getpid()}.part"
            with open(parts[at], "w", encoding="utf-8", newline="") as file:
                file.write(text)
        for at in list(parts):
            os.replace(parts[at], at)
            del parts[at]
        made.clear()
    except FileExistsError:
        raise Problem(f"{at}: Not a directory") from None
    except OSError as error:
        raise Problem(f"{at}: {error.strerror}") from None
    finally:
        for part in filter(os.path.exists, parts.values()):
            os.unlink(part)
        for path in reversed(made):
            os.rmdir(path)


def main(directory, *paths):
    try:
        model = results.load(paths)
        page, drawn, table = page_of(model)
        write_all(directory, {**drawn, "table.csv": table, "index.html": page})
    except Problem as problem:
        print(f"balloon-bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
