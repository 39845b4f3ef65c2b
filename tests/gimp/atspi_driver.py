# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Drives windows as a screen reader does: finds widgets by role and name, presses them, types.

    with desktop():                         # a display and an accessibility bus, for all that follows
        button = find(window("gesso"), "button", "Generate")
        press(button)
"""

import contextlib
import os
import subprocess
import time

import display
import patience

Atspi = None  # loaded on the bus of desktop ()

WAIT_SECONDS = 60 * patience.FACTOR
POLL_SECONDS = 0.05
SHIFTS = {"Control": 0xFFE3, "Shift": 0xFFE1, "Alt": 0xFFE9}
KEYS = {"Return": 0xFF0D, "Escape": 0xFF1B, "Tab": 0xFF09, "space": 0x20, "Left": 0xFF51, "Right": 0xFF53}


class NotFound(AssertionError):
    """What was waited for did not come."""


@contextlib.contextmanager
def message_bus():
    """A session bus of our own; the accessibility bus comes with it when somebody asks."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as bus:
        try:
            address = bus.stdout.readline().strip()
            if not address:
                raise RuntimeError("dbus-daemon does not start")
            yield address
        finally:
            bus.terminate()


@contextlib.contextmanager
def desktop(**screen):
    """Everything that windows need; this process and its children are on it. Once a process: the bus is for good.
    `screen`: of display.Display."""
    global Atspi  # noqa: PLW0603
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(display.Display(**screen))
        # The bus starts others that need the display, too.
        os.environ.update(DISPLAY=screen.name, GDK_BACKEND="x11", GTK_A11Y="atspi", GSETTINGS_BACKEND="memory")
        for name in ("WAYLAND_DISPLAY", "XAUTHORITY", "NO_AT_BRIDGE", "AT_SPI_BUS_ADDRESS"):
            os.environ.pop(name, None)
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = stack.enter_context(message_bus())
        import gi

        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi as loaded

        Atspi = loaded
        Atspi.init()
        # A program that hangs must not hang the test.
        Atspi.set_timeout(3000, 10000)
        try:
            yield screen
        finally:
            Atspi.exit()


def wait_for(what, question, seconds=WAIT_SECONDS):
    """The first answer that counts as true."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Exception):
            answer = question()
            if answer:
                return answer
        if time.monotonic() > deadline:
            raise NotFound(f"not within {seconds} seconds: {what}")
        time.sleep(POLL_SECONDS)


def children(node):
    node.clear_cache_single()
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is not None:
            yield child


def walk(node, depth=0):
    """All of a tree, what is on top first."""
    yield node, depth
    for child in children(node):
        yield from walk(child, depth + 1)


def is_showing(node):
    return node.get_state_set().contains(Atspi.StateType.SHOWING)


def is_sensitive(node):
    node.clear_cache_single()
    return node.get_state_set().contains(Atspi.StateType.SENSITIVE)


def is_checked(node):
    node.clear_cache_single()
    return node.get_state_set().contains(Atspi.StateType.CHECKED)


def applications(name):
    return [app for app in children(Atspi.get_desktop(0)) if name in (app.get_name() or "")]


def windows(application, title=""):
    """The visible windows of all programs of that name."""
    found = []
    for app in applications(application):
        with contextlib.suppress(Exception):
            found += [node for node in children(app) if title in (node.get_name() or "") and is_showing(node)]
    return found


def window(application, title="", seconds=WAIT_SECONDS):
    return wait_for(f"a window of {application} {title}", lambda: windows(application, title), seconds)[0]


def is_named(node, name):
    """`name`: in full, or an expression; None is any."""
    given = node.get_name() or ""
    return name is None or given == name or (hasattr(name, "search") and bool(name.search(given)))


def matching(node, role, name=None):
    """Visible widgets of a role; `name` as in is_named()."""
    for found, _depth in walk(node):
        # A button was a push button before AT-SPI 2.53.
        if found.get_role_name().removeprefix("push ") != role or not is_showing(found):
            continue
        if is_named(found, name):
            yield found


def find(node, role, name=None, seconds=WAIT_SECONDS):
    try:
        return wait_for(f"{role} {name}", lambda: next(matching(node, role, name), None), seconds)
    except NotFound as failure:
        raise NotFound(f"{failure}\n{tree(node)}") from None


def has(node, role, name=None):
    return next(matching(node, role, name), None) is not None


def tree(node):
    """What a screen reader sees, for the report of a failure."""
    lines = []
    with contextlib.suppress(Exception):
        for found, depth in walk(node):
            if is_showing(found):
                lines.append(f"{'  ' * depth}{found.get_role_name()} {found.get_name()!r}{text_note(found)}")
    return "\n".join(lines)


def text_note(node):
    """What a text or a number holds; only those are asked, others complain."""
    if node.get_role_name() in ("text", "entry", "spin button"):
        with contextlib.suppress(Exception):
            return f" {text_of(node)[:80]!r}"
    return ""


def text_of(node):
    return Atspi.Text.get_text(node, 0, Atspi.Text.get_character_count(node))


def set_text(node, text):
    """As if it had been pasted."""
    assert Atspi.EditableText.set_text_contents(node, text), "the text cannot be changed"


def press(node):
    """A button, a menu entry, a check mark."""
    assert is_sensitive(node), f"{node.get_name()!r} cannot be pressed now"
    assert Atspi.Action.do_action(node, 0), f"{node.get_name()!r} does nothing"


def set_value(node, value):
    """A number or a slider."""
    assert Atspi.Value.set_current_value(node, value), f"{node.get_name()!r} does not take {value}"


def menu_entries(window_node, name):
    """The entries of that name in the menus of a window, without opening them, whether they can be used or not."""
    for bar in matching(window_node, "menu bar"):
        for found, _depth in walk(bar):
            if found.get_role_name() == "menu item" and is_named(found, name):
                yield found


def activate(window_node, name):
    """A menu entry, wherever it is in the menus of a window."""

    def entry():
        return next((found for found in menu_entries(window_node, name) if is_sensitive(found)), None)

    press(wait_for(f"the menu entry {name}", entry))


def description(node):
    """What a screen reader tells of a widget besides its name: its tooltip, where nothing else was set."""
    node.clear_cache_single()
    return node.get_description()


def value_of(node):
    node.clear_cache_single()
    return Atspi.Value.get_current_value(node)


def extents(node):
    """x, y, width and height on the screen."""
    return Atspi.Component.get_extents(node, Atspi.CoordType.SCREEN)


def key(node, keys, times=1):
    """Gives a widget the focus and presses keys such as "Control+Return" there."""
    focus(node)
    *shifts, last = keys.split("+")
    for name in shifts:
        Atspi.generate_keyboard_event(keycode(SHIFTS[name]), None, Atspi.KeySynthType.PRESS)
    for _ in range(times):
        Atspi.generate_keyboard_event(KEYS.get(last) or ord(last), None, Atspi.KeySynthType.SYM)
    for name in reversed(shifts):
        Atspi.generate_keyboard_event(keycode(SHIFTS[name]), None, Atspi.KeySynthType.RELEASE)


def keycode(keysym):
    """X servers number the keys of a standard keyboard like this."""
    return {0xFFE3: 37, 0xFFE1: 50, 0xFFE9: 64}[keysym]


def focus(node):
    """Also gives its window the keyboard; there is no window manager to do so."""
    assert Atspi.Component.grab_focus(node), f"{node.get_name()!r} does not take the focus"

    def has_focus():
        node.clear_cache_single()
        return node.get_state_set().contains(Atspi.StateType.FOCUSED)

    wait_for(f"the focus of {node.get_name()!r}", has_focus)
