# SPDX-License-Identifier: MIT
"""balloon-bench report: DIR FILE...

Writes DIR/index.html, which needs no other file, DIR/plots/*.svg and DIR/table.csv. balloon-bench starts it, and has
read the command line."""

import errno
import os
import sys
import tempfile

import results
from results import Problem


def page_of(model):
    """index.html, and the plots by their names."""
    try:
        import jinja2
    except ImportError:
        raise Problem("report: jinja2 is not installed for Python (Debian: python3-jinja2)") from None
    import figures
    import goals
    import plots
    import summary
    import system
    import tables
    import words

    parts, release = figures.figures_of(model), system.release(model)
    panels = [(figure, panel) for figure in [*parts, *([release] if release else [])] for panel in figure.panels]
    for (figure, panel), drawing in zip(panels, plots.draw([panel.plot for _, panel in panels])):
        panel.svg = plots.finish(drawing, panel.id, panel.title or figure.finding, panel.description)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(os.path.dirname(__file__)), autoescape=True,
                                     finalize=words.clean, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters["prose"] = words.prose
    page = environment.get_template("page.html").render(
        model=model, figures=parts, release=release, tables=tables, summary=summary,
        goal_lines=goals.lines_of(model),
        workloads={trial.workload for trial in model.trials.values()})
    return page, {f"plots/{panel.id}.svg": str(panel.svg) for _, panel in panels}


def write_all(directory, files):
    """Everything is written before anything takes its place. The last one is what tells of the others."""
    at, made, parts = directory, [], []
    try:
        for at in (directory, os.path.join(directory, "plots")):
            if not os.path.isdir(at):
                os.mkdir(at)
                made.append(at)
        for name, text in files.items():
            at = os.path.join(directory, name)
            if os.path.isdir(at):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=os.path.dirname(at))
            parts.append((part, at))
            with open(handle, "w", encoding="utf-8", newline="") as file:
                os.fchmod(handle, 0o666 & ~umask())
                file.write(text)
        while parts:
            part, at = parts[0]
            os.replace(part, at)
            parts.pop(0)
        made.clear()
    except FileExistsError:
        raise Problem(f"{at}: Not a directory") from None
    except OSError as error:
        raise Problem(f"{at}: {error.strerror}") from None
    finally:
        for part, _ in parts:
            os.unlink(part)
        for path in reversed(made):
            os.rmdir(path)


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def main(directory, *paths):
    try:
        model = results.load(paths)
        page, drawn = page_of(model)
        import tables

        write_all(directory, {**drawn, "table.csv": tables.csv(model), "index.html": page})
    except Problem as problem:
        print(f"balloon-bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
