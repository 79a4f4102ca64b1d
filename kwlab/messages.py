"""Every sentence that a person reads, in one catalogue.

A sentence is a ``str.format`` template under a key. What it counts is written
``{changes:change|changes}``: the number, then the word for one or for many. Where more than that
word depends on the number, the sentence is a pair, and its fact ``n`` chooses. It imports nothing
from kwlab, so that anything may speak, and so that the catalogue can be translated and tested by
itself.
"""

from __future__ import annotations

import string
from typing import Final, TypeAlias

Template: TypeAlias = str | tuple[str, str]
"""A sentence, or the same sentence for one and for many."""

_WATCH_FUNCTION: Final[dict[str, Template]] = {
    "function.nothing": (
        "The watch function returned nothing: end it with `return`, as in "
        "`return api.list_namespaced_pod(namespace, watch=True, _preload_content=False, "
        "**options)`."
    ),
    "function.preloaded": (
        "The watch function returned a {kind} that the client had already read to its end: pass "
        "`_preload_content=False` so that it hands over the open response."
    ),
    "function.preloading": (
        "The client was still reading the watch to its end when the recording was over: pass "
        "`_preload_content=False` so that it hands over the open response."
    ),
    "function.never_returned": (
        "The watch function never came back: it reads the watch itself, in a loop of its own. The "
        "retry loop is kwlab's; open one connection and return it: `return "
        "api.list_namespaced_pod(namespace, watch=True, _preload_content=False, **options)`."
    ),
    "function.signature": (
        "The watch function must take one argument, the options it is handed: "
        "`def mine(options):` ({error})."
    ),
    "function.positional": (
        "The options went in as one argument, and the client takes each by its name: write "
        "`**options`."
    ),
    "function.whole_options": (
        "All of the options went in as {name}: write `**options`, which passes on each by its name."
    ),
    "function.not_unpacked": (
        "`**` unpacks the options, and was given a {kind}: write `**options`, or "
        "`**options.replace(timeout_seconds=60)`."
    ),
    "function.options_called": (
        "options is no function: write `**options`, without parentheses after its name."
    ),
    "function.options_read": (
        'The options are read by name: write `options.get("{name}")`, which is None where it is '
        "not set."
    ),
    "function.options_change": (
        "The options cannot be changed: take a copy, as in "
        "`options = options.replace(timeout_seconds=60)`."
    ),
    "function.replace_by_name": (
        "replace() takes each option by its name, as in `options.replace(timeout_seconds=60)`."
    ),
    "function.twice": (
        "{name} is in the options and beside them: leave one out, or write "
        "`**options.replace({name}=...)`."
    ),
    "function.coroutine": (
        "The watch function is an `async def`, and is not awaited here: write `def`, and return "
        "the open response of the client's call."
    ),
    "function.stop_iteration": (
        "The watch function raised StopIteration: `next()` found nothing more. Give it a second "
        "argument to return then, as in `next(found, None)`."
    ),
    "function.left": (
        "The watch function raised {error}, which would end whoever called it: return the open "
        "response, or raise an Exception."
    ),
    "function.not_closed": (
        "The watch function went on after its generator was closed: catch `Exception`, and let "
        "GeneratorExit pass."
    ),
    "function.preloaded_failed": (
        "The client read the whole watch as if it were one object and failed with {error}: pass "
        "`_preload_content=False` so that it hands over the open response."
    ),
    "function.not_a_watch": (
        "The server answered with a {kind}, which is a list and no watch: pass `watch=True`."
    ),
    "function.watch_stream": (
        "`Watch().stream()` reads the connection for you, and without a timeout reopens it, so "
        "it cannot be resumed from here: return the open response of the call, with `watch=True` "
        "and `_preload_content=False`."
    ),
    "function.returned": (
        "The watch function returned {kind}: return the open response of the call, with "
        "`watch=True` and `_preload_content=False`."
    ),
    "function.yielded": (
        "The watch function yielded {kind}: yield the events of `kwlab.events(response)`."
    ),
    "function.not_a_response": (
        "kwlab.events() reads an open response and was given {kind}: pass what the call returns "
        "with `watch=True` and `_preload_content=False`."
    ),
    "function.camel_case": "There is no {name}: the Python client spells it {python_name}.",
    "function.refused_argument": "The client refused {name}: {reason}.",
}

_OPTIONS: Final[dict[str, Template]] = {
    "options.watch": "ListOptions does not carry watch: write watch=True in the call itself.",
    "options.unknown": "There is no {name}. ListOptions knows {known}.",
    "options.type": "{name} is {value}: it takes {wanted}.",
    "options.int": "a whole number, without quotes",
    "options.bool": "True or False",
    "options.str": "a text, passed on as it was handed over",
    "options.frozen": "options cannot be changed. Take a copy: "
    "options = options.replace({name}={value}).",
}

_CHOICES: Final[dict[str, Template]] = {
    "choice.refused": "{owner}({name}={value}): {name} takes {wanted}.",
    "choice.number": "a number",
    "choice.whole": "a whole number",
    "choice.at_least": "of at least {least}",
    "choice.above": "above {least}",
    "choice.or_none": ", or None",
    "choice.backoff": "Backoff(...), or None",
    "choice.watch_seconds": "two whole numbers from 1 on, the shorter first, as in (300, 600)",
    "choice.callable": "a function, without calling it",
    "choice.observer": "a function, without calling it, or None",
    "choice.clock": "an object with now() and sleep(seconds), or None",
}

_ENDS: Final[dict[str, Template]] = {
    "end.expired": (
        "The server has forgotten resourceVersion {resource_version} ({detail}): list again "
        "and watch from the list's resourceVersion."
    ),
    "end.denied": "The server refuses this client ({detail}): asking again will not help.",
    "end.not_found": "The server knows no such resource ({detail}): check the path and name.",
    "end.no_resource_version": (
        "After resourceVersion {resource_version} the server sent an object without one: there is "
        "nothing to resume from, and going on could lose a change."
    ),
    "end.unreadable": (
        "What follows resourceVersion {resource_version} could not be read {n} time ({detail}): "
        "stepping over it would lose a change.",
        "What follows resourceVersion {resource_version} could not be read {n} times in a row "
        "({detail}): stepping over it would lose a change.",
    ),
    "end.no_progress": (
        "{n} attempt got nowhere after resourceVersion {resource_version}; it ended with {detail}.",
        "{n} attempts in a row got nowhere after resourceVersion {resource_version}; the last "
        "ended with {detail}.",
    ),
    "end.stalled": (
        "{n} connection was open after resourceVersion {resource_version} and nothing came: list "
        "again; and where bookmarks are not sent, ask for a `timeout_seconds` below idle_seconds.",
        "{n} connections in a row were open after resourceVersion {resource_version} and nothing "
        "came: list again; and where bookmarks are not sent, ask for a `timeout_seconds` below "
        "idle_seconds.",
    ),
    "stream.broken": (
        "The watch did not end cleanly ({detail}): ask again from the last resourceVersion."
    ),
    "retrywatcher.failed": (
        "The watch from resourceVersion {resource_version} failed: {why}; it is asked for again "
        "in {seconds} s, and while it goes on failing nothing more is said."
    ),
    "retrywatcher.initial": (
        'initial RV "{resource_version}" is not supported due to issues with underlying WATCH'
    ),
    "retrywatcher.no_text": (
        "A resourceVersion is a str and not a {kind}: pass the list's metadata.resource_version, "
        "or the one that was saved."
    ),
    "retrywatcher.options_and_strict": (
        "strict=True is a set of options of its own: pass either strict=True or options."
    ),
    "retrywatcher.no_resource_version": (
        "Internal error occurred: retryWatcher: doesn't support resourceVersion"
    ),
}

_OBSERVED: Final[dict[str, Template]] = {
    "observed.started": "asking from resourceVersion {resource_version}",
    "observed.delivered": "{type} {name} at resourceVersion {resource_version}",
    "observed.ended": (
        "the watch from resourceVersion {handed} ended after {seconds} s by {why}, with {n} event "
        "in {bytes:byte|bytes};",
        "the watch from resourceVersion {handed} ended after {seconds} s by {why}, with {n} events "
        "in {bytes:byte|bytes};",
    ),
    "observed.next": "next from {resource_version} in {seconds} s ({why})",
    "observed.last": "it stands at {resource_version}",
    "observed.listed": (
        "listed {n} object at resourceVersion {resource_version} in {seconds} s "
        "(requests: {requests})",
        "listed {n} objects at resourceVersion {resource_version} in {seconds} s "
        "(requests: {requests})",
    ),
    "observed.list_failed": "the list failed after {seconds} s by {why};",
    "observed.next_list": "next in {seconds} s",
    "observed.gap": (
        "no change from resourceVersion {from_resource_version} to {to_resource_version} was seen "
        "by itself, {seconds} s long ({why}): the list says what has become of everything"
    ),
    "observed.retries": (
        "The client asked {n} time more by itself before the call came back, and stop() "
        "cannot wake it meanwhile: write `Configuration.retries = False`.",
        "The client asked {n} times more by itself before the call came back, and stop() "
        "cannot wake it meanwhile: write `Configuration.retries = False`.",
    ),
}

_REFLECTOR: Final[dict[str, Template]] = {
    "reflector.not_a_method": (
        "A Reflector takes the client's list method itself, without calling it, and was given "
        '{kind}: write `kwlab.Reflector(api.list_namespaced_pod, "default")`.'
    ),
    "reflector.cannot_watch": (
        "{method} cannot watch: give the Reflector one of the client's list methods, as in "
        '`kwlab.Reflector(api.list_namespaced_pod, "default")`.'
    ),
    "reflector.own": (
        "{name} is the Reflector's to set: leave it out. What can be chosen is in "
        "`options=kwlab.ReflectorOptions(...)`."
    ),
    "reflector.failed": (
        "The list failed: {why}; it is asked for again in {seconds} s, and while it goes on "
        "failing nothing more is said."
    ),
    "reflector.no_watch_list": (
        "{method} takes no send_initial_events, so the Reflector lists in place of a WatchList."
    ),
    "reflector.arguments": "{method} cannot be called with what the Reflector was given: {error}.",
    "reflector.returned": (
        "The method returned {kind}: it has to pass on all keywords that it is handed, "
        "`_preload_content=False` among them, and to return the client's open response."
    ),
    "reflector.anonymous": "the list has no resourceVersion, or an item no name",
    "reflector.unreadable": (
        "What the server has could not be read {n} time ({detail}): without a list there is "
        "nothing to watch from.",
        "What the server has could not be read {n} times in a row ({detail}): without a list "
        "there is nothing to watch from.",
    ),
    "reflector.no_progress": (
        "{n} list got nowhere; it ended with {detail}.",
        "{n} lists in a row got nowhere; the last ended with {detail}.",
    ),
    "reflector.stalled": (
        "{n} list was asked for and nothing came.",
        "{n} lists in a row were asked for and nothing came.",
    ),
}

_LAB: Final[dict[str, Template]] = {
    "lab.title": 'Recording "{name}", from a real kube-apiserver {server}.',
    "lab.title_live": 'Recording "{name}", played on {context}, a real kube-apiserver {server}.',
    "lab.title_made": "Made, not recorded: objects of a real kube-apiserver {server}, cloned.",
    "lab.numbers": "{start} at the start, {changes:change|changes} in {seconds:second|seconds}, "
    "{end} at the end.",
    "lab.several": "{resources} share one sequence: {changes:change|changes} in "
    "{seconds:second|seconds}.",
    "lab.numbers_each": (
        "{plural}: {start} at the start, {n} change, {end} at the end.",
        "{plural}: {start} at the start, {n} changes, {end} at the end.",
    ),
    "lab.namespaces": "They are in {names}; lab.namespace is {namespace}.",
    "lab.cuts": ("There is one cut: {cuts}.", "There are {n} cuts: {cuts}."),
    "lab.cut_instant": "at {at} s for an instant",
    "lab.cut_away": ("at {at} s for one second", "at {at} s for {seconds} seconds"),
    "lab.functions": "compare() takes one to {limit} watch functions by name and was given {n}: "
    "write compare(wrong=wrong, mine=mine).",
    "lab.unnamed": "Give each function by its name: compare(wrong=wrong, mine=mine).",
    "lab.not_callable": "{name} is a {kind}: pass the watch function itself, without calling it.",
    "lab.none": "No lab is open: run lab = kwlab.open_lab() first.",
    "lab.no_such_recording": "There is no recording {name}. kwlab ships {known}; "
    "for a file of your own give its path, with its ending.",
    "lab.no_such_watcher": "There is no watcher {watcher} in this comparison: it has {known}.",
    "ask.type": "event",
    "ask.name": "object",
    "ask.resource_version": "resourceVersion",
    "scope.in": "{what} in {namespace}",
    "scope.everywhere": "{what} in all namespaces",
    "scope.with": "{what} with {selector}",
    "ask.asked": "Asked for {what}.",
    "ask.resource": "There is no {resource} in this recording: ask for one of {known}.",
    "ask.silence": "Nothing came, to the end of the recording.",
    "ask.before": "before rv@0",
    "ask.refused": "The server refused the request ({status}): {message}",
    "ask.ended": "The server ended the watch ({status}): {message}",
    "ask.at": "at is {value}: give a moment in seconds, as in lab.ask(at=32.05).",
    "ask.start": 'resource_version is {value}: give a text, such as "rv@9", or omit it.',
    "call.refused": "Cannot call {name}() like this ({reason}). Write {name}({written}).",
    "ask.moment": "There is no {at} s in this recording: it lasts {seconds} s.",
    "ask.version": "That cannot be asked: {reason}.",
    "seconds": "{seconds} s",
    "noun.object": "object",
    "noun.objects": "objects",
}

_FINDING: Final[dict[str, Template]] = {
    "count.delivered": "delivered",
    "count.new": "new",
    "count.inferred": "inferred",
    "count.replayed": "replayed",
    "count.not_requested": "not requested",
    "count.superseded": "superseded",
    "count.lost": "lost",
    "count.deletions": ("({n} of them a deletion)", "({n} of them deletions)"),
    "finding.sums": "{watcher}: {received}; {changes}.",
    "finding.watched": "{watchers} watched {what}: {n} of the {total:change|changes} here are of "
    "that, and only they count.",
    "finding.watched_nothing": "{watchers} watched {what}, and there is nothing of that here to be "
    "counted: watch {there}.",
    "finding.disguised": (
        "{n} of the new ones came as ADDED: its own type was lost.",
        "{n} of the new ones came as ADDED: their own type was lost.",
    ),
    "finding.program": "The program",
    "finding.believes": "{who} believes in {count}: {names}.",
    "finding.believes_nothing": "{who} believes in {count}.",
    "finding.believes_truly": "{who} believes in {count}, and all of them exist.",
    "finding.believes_ghosts": (
        "{who} believes in {count}; {n} of them is gone: {names}.",
        "{who} believes in {count}; {n} of them are gone: {names}.",
    ),
    "finding.strangers": (
        "{n} of them was not requested: {names}.",
        "{n} of them were not requested: {names}.",
    ),
    "finding.exist": "The cluster has {count}.",
    "finding.exist_names": "The cluster has {count}: {names}.",
    "finding.exist_for": "For {watcher} the cluster has {count}.",
    "finding.exist_names_for": "For {watcher} the cluster has {count}: {names}.",
    "finding.alike": "{watcher} does what {other} does.",
    "finding.ended": "{watcher} ended at {seconds} s: {reason}",
    "guess.events": 'events is {value}: guess "more", "fewer" or "same".',
    "guess.pods": "pods is {value}: guess a number, from 0 on.",
    "guess.asked": 'asked is {value}: guess a list of names, such as ["rv@0", "rv@4"].',
    "guess.asked_right": (
        "You guessed {right} of {n} request of {watcher} right.",
        "You guessed {right} of {n} requests of {watcher} right.",
    ),
    "guess.open": "You left {what} open.",
    "guess.kind": 'guess is {value}: write guess=kwlab.Guess(events="more", pods=2).',
    "guess.none": "You made no guess.",
    "guess.more": "more events",
    "guess.fewer": "fewer events",
    "guess.same": "the same number of events",
    "guess.events_right": "You guessed {guess}: so it was.",
    "guess.events_wrong": "You guessed {guess}: there were {came}, "
    "{delivered} for {changes:change|changes}.",
    "guess.pods_right": "You guessed {guess}: so it is.",
    "guess.pods_wrong": "You guessed {guess}: it believes in {believed}.",
    "note.passes": "passes on the resourceVersion it is handed",
    "note.drops": "drops the resourceVersion it is handed",
    "note.own": "asks for a resourceVersion of its own",
    "requests.watcher": "function",
    "requests.connection": "connection",
    "requests.opened": "opened",
    "requests.after": "after",
    "requests.handed": "handed to the function",
    "requests.asked": "asked of the server",
    "requests.asked_by": "{watcher} asked",
    "requests.guess": "your guess",
    "requests.no_guess": "–",
    "requests.right": "{guess}: right",
    "requests.wrong": "{guess}: no",
    "requests.nothing": "nothing",
    "close.start": "start",
    "close.timeout": "timeout",
    "close.cut": "cut",
    "close.refused": "away",
    "close.status": "status",
    "close.error": "error",
    "close.unreadable": "unreadable line",
    "close.silent": "silence",
    "close.stopped": "stop",
    "close.failed": "failure of the function",
    "close.over": "end of the recording",
}

_EXERCISES: Final[dict[str, Template]] = {
    "exercise.unknown": "There is no exercise {name}. There are {known}.",
    "exercise.hint": "Hint {number} of {hints}:",
    "exercise.not_yet": "Not yet:",
    "exercise.shown": "{name}: it has .check(…), .hint() and .solution().",
    "exercise.not_callable": "That is {kind} and no function: pass the function itself, without "
    "parentheses after its name, as in check(mine).",
    "exercise.not_a_number": "{question} is {answer}: write a whole number, without quotes.",
    "exercise.no_answers": "Not attempted yet: put your answers in place of None. "
    'kwlab.exercise("{name}").hint() helps.',
    "exercise.so_far": "So far, so good:",
    "exercise.right": ("{names} is right.", "{names} are right."),
    "exercise.blank_answers": ("{names} is still open.", "{names} are still open."),
    "exercise.raised": "{name} raised {error}.",
    "exercise.blank": "Not attempted yet: {name} asks for nothing and returns nothing.",
    "exercise.endless": "{name} ran for {seconds} s without an end and was stopped: a watch "
    "function asks once and returns, the loop is the retry watcher's.",
    "exercise.late": "It could be stopped only {seconds} s later, when a call that waits or "
    "computes outside Python, such as `time.sleep()`, had returned.",
    "exercise.printed": ("It printed {n} line:", "It printed {n} lines:"),
    "exercise.printed_more": ("    … and {n} more line.", "    … and {n} more lines."),
    "read-the-strip.hint1": "Put a finger on change 7 in the picture. What had reached the program "
    "by then, and which changes happen before it is back?",
    "read-the-strip.hint2": "A ghost needs two things: its pod is deleted while nobody is "
    "connected, and the answer to the next request does not mention it. Later the program is "
    "connected to the end, and every change reaches it.",
    "read-the-strip.hint3": "Without a resourceVersion the server sends each pod that exists at "
    "that moment. Go along the line “cluster” up to there: which pods exist, and which change did "
    "the program not see?",
    "read-the-strip.solution": "ghosts={names}, never_came={lost}, came_again={n}",
    "read-the-strip.correct": "Correct. Only {ghosts} is a ghost: it was deleted while nobody was "
    "connected, and that change never came. {told} are none now: they are deleted while the "
    "program is connected. After the cut it is sent what exists then, and that tells it nothing "
    "new: {again}. Below is that run.",
    "read-the-strip.ghosts.no_names": "ghosts: {answer} is no list of names. Write the names of "
    'pods, as in ["web-9"], or [] for none.',
    "read-the-strip.ghosts.unknown": "ghosts: not all of {answer} are names of pods in the "
    "picture.",
    "read-the-strip.ghosts.real": "ghosts: {answer} has a pod that still exists at the end. A "
    "ghost is gone from the cluster.",
    "read-the-strip.ghosts.was": "ghosts: {answer} are the ghosts of the run above. Is the program "
    "connected now when these pods are deleted?",
    "read-the-strip.ghosts.added": "ghosts: {answer} are the ghosts of both runs. The cut moves "
    "as a whole: what happens after the program is back reaches it.",
    "read-the-strip.ghosts.none": "ghosts: there is one. A pod is deleted while nobody is "
    "connected.",
    "read-the-strip.ghosts.other": "ghosts: not {answer}. Which pod is deleted between change 7 "
    "and the moment when the program is back?",
    "read-the-strip.never_came.was": "never_came: {answer} were lost in the run above. Which "
    "changes fall between the new cut and the moment when the program is back?",
    "read-the-strip.never_came.neighbour": "never_came: {answer} is too many. Change 7 came before "
    "the cut, and change 9 comes when the program is back.",
    "read-the-strip.never_came.added": "never_came: {answer} would be the changes lost in either "
    "run. The cut moves as a whole: what happens later reaches the program.",
    "read-the-strip.never_came.other": "never_came: not {answer}. Count the changes from the new "
    "cut to the moment when the program is back.",
    "read-the-strip.came_again.was": "came_again: {answer} came again in the run above. Two "
    "changes earlier, other pods exist.",
    "read-the-strip.came_again.gone": "came_again: {answer} is one too many. A pod that is deleted "
    "during the cut is not sent.",
    "read-the-strip.came_again.all": "came_again: {answer} is what came again in the whole run. "
    "Count only what came after the second cut.",
    "read-the-strip.came_again.other": "came_again: not {answer}. Which pods exist when the "
    "program is back, and which of them did it know?",
    "pass-it-on.hint1": "Look at seen.requests: what is in the column “handed to the function” "
    "and not in “asked of the server”?",
    "pass-it-on.hint2": "The first line of the function makes new options and forgets those that "
    "it was given.",
    "pass-it-on.hint3": "Options cannot be changed in place: replace() gives a copy. A copy helps "
    "only if it has a name, and if that name is what the call unpacks.",
    "pass-it-on.solution": "options = options.replace(timeout_seconds=60)",
    "pass-it-on.stub": "Not attempted yet: {name} still does what wrong does.",
    "pass-it-on.correct": "Correct. {n:history|histories}, {reconnects:reconnect|reconnects}: "
    "every request carried what it was handed; nothing twice; no deletion lost.",
    "four-starts.hint1": "Two things can be sent: what exists at {at} s, and what changes from "
    "then to the end. Which of the two does each start get, and from which change on?",
    "four-starts.hint2": "Without a moment the server shows the present, as ADDED, and goes on "
    "from there. With one it answers from its log of changes. From one that is not reached yet "
    "there is nothing to tell.",
    "four-starts.hint3": "Ask the server and count: lab.ask(at={at}) has no resourceVersion; "
    'lab.ask(at={at}, resource_version="0") and "rv@4" are two others.',
    "four-starts.solution": "unset={unset}, zero={zero}, rv_4={rv_4}, future={future}",
    "four-starts.correct": "Correct. Unset and “0” show what exists ({existing}) and what is new "
    "({new}); rv@4 gets all that came after it ({rv_4}), whenever it is asked; one in the future "
    "gets silence.",
    "four-starts.unset.only_new": "unset: {answer} would be only what is new after {at} s, as "
    "popular pages say. Ask and see: what exists comes first, as ADDED.",
    "four-starts.unset.log": "unset: {answer} is the whole log; without a resourceVersion the "
    "server does not look into the log, it shows what exists.",
    "four-starts.unset.existing": "unset: {answer} is what exists at {at} s; the watch stays open, "
    "and what is new follows.",
    "four-starts.unset.nothing": "unset: a watch without a resourceVersion is not silent: it "
    "shows what exists, then what is new.",
    "four-starts.unset.shown": "unset: {answer} is what came in a cell above, at {shown} s. At "
    "{at} s other pods exist, and more is still to come.",
    "four-starts.unset.other": "unset: {answer} is not what comes. Ask and see: lab.ask(at={at}).",
    "four-starts.zero.only_new": "zero: {answer} would be only what is new; a resourceVersion of "
    "0 means “any state you have”, and that state is sent first.",
    "four-starts.zero.log": "zero: {answer} is the whole log, but 0 is not its beginning: it "
    "means “any state you have”.",
    "four-starts.zero.existing": "zero: {answer} is what exists at {at} s; the watch stays open, "
    "and what is new follows.",
    "four-starts.zero.nothing": "zero: 0 is not refused and not silent: it means “any state you "
    "have”, and that state is sent first.",
    "four-starts.zero.shown": "zero: {answer} is what came in a cell above, at {shown} s. At {at} "
    "s other pods exist, and more is still to come.",
    "four-starts.zero.other": "zero: {answer} is not what comes. Ask and see: "
    'lab.ask(at={at}, resource_version="0").',
    "four-starts.rv_4.only_new": "rv_4: {answer} is what is new after {at} s; the resourceVersion "
    "names an earlier moment, and all that came after that is sent.",
    "four-starts.rv_4.log": "rv_4: {answer} is the whole log; rv@4 says that the first four "
    "changes are known.",
    "four-starts.rv_4.present": "rv_4: {answer} is what a watch without a resourceVersion "
    "gets; from rv@4 the server answers out of its log, deletions among it.",
    "four-starts.rv_4.until_now": "rv_4: {answer} are the changes up to {at} s; the watch "
    "goes on, and tells of what comes after it too.",
    "four-starts.rv_4.shown": "rv_4: {answer} is what came in a cell above, at {shown} s. Another "
    "resourceVersion names another moment of the log.",
    "four-starts.rv_4.other": "rv_4: {answer} is not what comes. Ask and see: "
    'lab.ask(at={at}, resource_version="rv@4").',
    "four-starts.future.only_new": "future: {answer} is new after {at} s, but not after a "
    "resourceVersion that is not reached: until it is, nothing can be told.",
    "four-starts.future.log": "future: {answer} is all that was before it; a watch tells of what "
    "comes after its resourceVersion.",
    "four-starts.future.present": "future: {answer} is what a watch without a resourceVersion "
    "gets; a resourceVersion asks for what comes after it.",
    "four-starts.future.error": "future: no error comes. The server waits until the "
    "resourceVersion is reached, or until the timeout. Put the number of events.",
    "four-starts.future.other": "future: not {answer}. The server waits until the resourceVersion "
    "is reached, or until the timeout; then count the events.",
    "write-it.hint1": "lab.api.list_config_map_for_all_namespaces(…) watches all namespaces. It "
    "needs watch=True, _preload_content=False and label_selector.",
    "write-it.hint2": "The options that you are given say where to go on from, and that bookmarks "
    "may come. Take a copy with two more fields, and pass on all of it.",
    "write-it.hint3": "replace() takes several fields at once, and gives a copy. Unpack that copy "
    "in the call with **, and return what the call gives.",
    "write-it.solution": """def mine(options):
    options = options.replace(timeout_seconds=60, label_selector="app=web")
    return lab.api.list_config_map_for_all_namespaces(
        watch=True, _preload_content=False, **options
    )""",
    "write-it.correct": "Correct. {n:fault script|fault scripts}, "
    "{reconnects:reconnect|reconnects}: every request carried what it was handed; nothing twice; "
    "no deletion lost.",
}

_JUDGED: Final[dict[str, Template]] = {
    "judged.silent": "{name} asked the server for no watch: return what {call} gives.",
    "judged.namespaced": "connection {connection} watched one namespace ({path}); this is about "
    "all of them: return what {call} gives.",
    "judged.elsewhere": "connection {connection} watched {path}; this is about {expected_path}.",
    "judged.nowhere": "connection {connection} watched {path}, where nothing is: the objects are "
    "in the namespace {namespaces}, which lab.namespace names.",
    "judged.changed": "connection {connection} asked for {scope}, but {name} first asked for "
    "{first_scope}. A watch must ask for the same objects each time.",
    "judged.selector": (
        "connection {connection} lost the selector: {n} event is of an object that nobody asked "
        "for.",
        "connection {connection} lost the selector: {n} events are of objects that nobody asked "
        "for.",
    ),
    "judged.own_loop": "connection {connection} opened {opened:watch|watches} in one call: a "
    "watch function asks once, the loop is the retry watcher's. {replayed} of "
    "{delivered:event|events} came again.",
    "judged.zero": "a resourceVersion of 0 means “any state you have”: the server answers as "
    "if none was asked for. {replayed} of {delivered:event|events} came again.",
    "judged.pinned": "you ask for the list's resourceVersion each time: {delivered:event|events}, "
    "{replayed} of them replayed. Ask for the one that connection {connection} was handed: "
    "{handed}.",
    "judged.hidden": "nothing came twice, but {lost:change is|changes are} still lost, "
    "{deletions:of them a deletion|of them deletions}: a cache of seen events hides the bug.",
    "judged.dropped": "connection {connection} was handed {handed} and asked for none: the "
    "options are thrown away. {replayed} replayed, {lost} lost.",
    "judged.made_up": "connection {connection} was handed {handed} and asked for a "
    "resourceVersion that nobody gave it: it is opaque, pass it on unchanged.",
    "judged.other": "connection {connection} was handed {handed} and asked for {asked}: pass "
    "on what was handed over, unchanged. {replayed} replayed, {lost} lost.",
    "judged.kept_back": "before connection {connection} came a bookmark, and {name} kept it back: "
    "it was handed {handed} again. Pass bookmarks on, the retry watcher resumes from them.",
    "judged.no_bookmarks": "connection {connection} did not ask for bookmarks. While nothing that "
    "you watch changes, the window moves on, and the server forgot {handed}: pass on "
    "allow_watch_bookmarks as it was handed over.",
    "judged.short_timeout": "timeout_seconds={timeout} is too short: each watch ends before the "
    "server sends a bookmark. While nothing that you watch changes, the window moves on, and the "
    "server forgot {handed}. Ask for 60 seconds or more.",
    "judged.thrown_away": "options.replace({replaced}) gives a copy, and the copy is not used: "
    "connection {connection} was asked for without it. Write options = "
    "options.replace({replaced}).",
    "judged.ended": "the watch ended: {reason}",
    "judged.twice": "{replayed} of {delivered:event|events} came twice.",
    "judged.lossy": "{lost:change|changes} never arrived, {deletions:of them a deletion|of them "
    "deletions}.",
    "judged.no_timeout": "You leave the timeout to the server, and it takes 30 to 60 minutes: "
    "that is not wrong, but a connection that died silently stays unnoticed for as long.",
    "judged.zero_timeout": "timeout_seconds=0 is not a short timeout: to the server it means none, "
    "and it takes 30 to 60 minutes. That is not wrong, but a connection that died silently stays "
    "unnoticed for as long.",
}

_CHECK: Final[dict[str, Template]] = {
    "check.call": "the client's call",
    "check.correct": "Correct. {n:history|histories}, {reconnects:reconnect|reconnects}: every "
    "request carried what it was handed; nothing twice; no deletion lost.",
    "check.not_callable": "A watch function is wanted, and {kind} is the type of what came: pass "
    "the function itself, without calling it.",
    "check.signature": "{name}{signature} cannot be called with (lab, options): a function to be "
    "checked takes where the server is, and the options of a retry loop.",
    "check.path": "The function asked for {path}, which is no list of objects.",
    "check.refused": "The server refuses {path}: {error}.",
    "check.selector": "Nothing can match {path}: no object meets all of its requirements.",
    "check.target": "{target} is no module:function, such as my_module:watch_pods.",
    "check.no_module": "There is no module {module} here.",
    "check.import": "{module} cannot be imported: {error}.",
    "check.no_function": "The module {module} has no {name}.",
}

_CLIENT: Final[dict[str, Template]] = {
    "client.nameless": "a client without a name",
    "client.heading": (
        "{client} watched {path}, {n} connection:",
        "{client} watched {path}, {n} connections:",
    ),
    "client.correct": (
        "Correct. At its {n} reconnect it went on from what it had been sent; nothing twice; no "
        "deletion lost.",
        "Correct. At each of {n} reconnects it went on from what it had been sent; nothing twice; "
        "no deletion lost.",
    ),
    "client.relisted": (
        "After a 410 it listed again, and watched from there, as it must.",
        "After each of {n} 410 it listed again, and watched from there, as it must.",
    ),
    "client.lists_again": (
        "Nothing broke that a server can see, but it did not go on from what it had been sent: at "
        "its {n} reconnect it listed again, {objects} in the end.",
        "Nothing broke that a server can see, but at {lists} of {n} reconnects it did not go on "
        "from what it had been sent: it listed again, {objects} in the end.",
    ),
    "client.compares": "Nothing is lost if it compares each list with what it believed in; whether "
    "it does, a server cannot see. What the lists told counts as delivered here.",
    "client.superseded": (
        "{n} change was superseded: it was not sent, but the list showed what came after it.",
        "{n} changes were superseded: they were not sent, but the list showed what came after "
        "them.",
    ),
    "client.left_off": "Cannot be judged: its one watch ended at {seconds} s ({close}) and it "
    "never asked again.",
    "client.nothing": "Cannot be judged: nothing of {path} is in this recording.",
    "client.never_cut": "Cannot be judged: its one watch was never ended for it ({close} at "
    "{seconds} s). Serve a scenario that cuts, or let it run for longer.",
    "client.nobody": "Cannot be judged: nobody asked for anything. Point a client at the "
    "kubeconfig while the server runs.",
    "client.no_watch": "{client} asked for no watch.",
    "client.refused": "{client} asked for a watch of {path}, and never got one (status {status}): "
    "there is nothing to judge.",
    "client.forgotten": (
        "The oldest request is forgotten: nothing can be called correct. Serve for a shorter time.",
        "The oldest {n} requests are forgotten: nothing can be called correct. Serve for a shorter "
        "time.",
    ),
}

_PROPERTIES: Final[dict[str, Template]] = {
    "property.P1": "P1: every request carries the resourceVersion that was handed over",
    "property.P2": "P2: nothing is delivered twice",
    "property.P3": "P3: no deletion is lost, unless a 410 says so",
    "property.P4": "P4: a 410 leads to a list, and to the deletions that it shows",
    "property.P5": "P5: a bookmark moves the resourceVersion and is not delivered",
    "property.P6": "P6: what was opened is closed, when it is told to",
    "property.P7": "P7: there is a pause between one attempt and the next",
    "property.P1.broken": "connection {connection} was handed {expected} and asked for {came}.",
    "property.P2.broken": "connection {connection} delivered what was known: {came}.",
    "property.P3.broken": "connection {connection} should have told of {expected}: it never "
    "arrived.",
    "property.P4.broken": "after the 410 of connection {connection} should have come {expected}, "
    "and came {came}.",
    "property.P5.broken": "connection {connection}, after a bookmark: expected {expected}, came "
    "{came}.",
    "property.P6.broken": "what connection {connection} opened should have been {expected}, and "
    "was {came}.",
    "property.P7.broken": "connection {connection} came {came} after the one before; {expected} "
    "is the least.",
    "property.nothing": "nothing",
    "property.list": "a list",
    "property.watch": "a watch from {asked}",
    "property.deleted": "the deletion of {name}",
    "property.closed": "closed at {seconds} s",
    "property.open": "left open",
    "property.bookmark": "a bookmark",
    "property.expired": "a 410",
}

_COST: Final[dict[str, Template]] = {
    "cost.made": "made, not recorded",
    "cost.shown": "Made, not recorded. {sentence}",
    "cost.size": "{objects}, {changes}, {reconnects}",
    "cost.changes": ("{n} change", "{n} changes"),
    "cost.no_change": "no change",
    "cost.reconnects": ("{n} reconnect", "{n} reconnects"),
    "cost.no_reconnect": "no reconnect",
    "cost.sentence": "{size}: {handed}.",
    "cost.handed": (
        "{watcher} is handed {count} event",
        "{watcher} is handed {count} events",
    ),
    "cost.handed_too": "{watcher} {count}",
    "cost.product": (
        "{objects} × {n} connection = {count}",
        "{objects} × {n} connections = {count}",
    ),
    "cost.alt": "Bar chart, made, not recorded. {sentence} {product}.",
    "cost.caption": "Made, not recorded: {size}",
    "cost.head.watcher": "function",
    "cost.head.connections": "connections",
    "cost.head.delivered": "delivered",
    "cost.head.new": "new",
    "cost.head.replayed": "replayed",
    "cost.head.not_requested": "not requested",
    "cost.key.replayed": "replayed: told again, nothing new",
    "cost.key.new": "new: one for a change",
    "cost.value": "{name} is {value}: give a whole number from {low} to {high}.",
    "cost.raised": "{size}: a function raised {error}.",
    "cost.controls": "Cost: how many pods, and how many reconnects",
    "cost.slider.pods": "pods",
    "cost.slider.reconnects": "reconnects",
}

_CHART: Final[dict[str, Template]] = {
    "chart.objects": "objects",
    "chart.changes": "changes",
    "chart.reconnects": "reconnects",
    "chart.product": "objects × connections",
    "chart.delivered": "events handed to the function",
    "chart.line": "{watcher}: {count}",
    "chart.caption": "Made, not recorded: events handed to each function",
    "chart.none": "plot_cost() draws what was measured and was given nothing: "
    "write plot_cost(cost.measure(pods=50, reconnects=20)).",
    "chart.alt": (
        "Chart, made, not recorded: events handed over against objects × connections, {n} size.",
        "Chart, made, not recorded: events handed over against objects × connections, {n} sizes.",
    ),
    "chart.alt_flat": "{watcher} is handed {last} at each.",
    "chart.alt_grows": "{watcher} is handed {first} at {low}, and {last} at {high}.",
}

_CLUSTER: Final[dict[str, Template]] = {
    "cluster.no_kubeconfig": "There is no kubeconfig at {path}: name yours in KUBECONFIG, or make "
    "a cluster, for example with kind create cluster --name kwlab.",
    "cluster.bad_kubeconfig": "The kubeconfig {path} cannot be used: {reason}.",
    "cluster.no_context": "{path} has no context {context}; it has {known}.",
    "cluster.no_contexts": "none",
    "cluster.no_account": "There is no service account here: {reason} Outside a pod, name a "
    "context of your kubeconfig.",
    "cluster.unreachable": "The cluster of context {context} does not answer at {url} ({reason}): "
    "is it running?",
    "cluster.certificate": "The server at {url} has no certificate that context {context} trusts "
    "({reason}): take its certificate-authority from the cluster anew.",
    "cluster.bad_certificates": "The certificates of context {context} cannot be read ({reason}): "
    "take them from the cluster anew.",
    "cluster.unauthorized": "The cluster of context {context} does not accept your credentials: "
    "they have expired or are wrong. Log in again; then "
    "kubectl --context {context} auth whoami says who you are.",
    "cluster.forbidden": "{user} may not {verb} {resource} {place} (context {context}): ask for a "
    "Role that allows it; the one in workshop.yaml does.",
    "cluster.in_namespace": "in namespace {namespace}",
    "cluster.everywhere": "in the whole cluster",
    "cluster.quota": "The quota of the namespace is used up ({reason}): remove what else is in "
    "it, or ask for more.",
    "cluster.terminating": "The namespace is being removed (context {context}): wait until it is "
    "gone, and run this again.",
    "cluster.refused": "The cluster of context {context} refused ({code}): {reason}",
    "cluster.proxy": "The cluster of context {context} is reached through a proxy, and "
    "kwlab has to cut the connection itself: set NO_PROXY so that {url} is reached straight.",
    "cluster.not_ours": "Namespace {namespace} on {context} is not kwlab's: it lacks the label "
    '{label}. Name another one with open_lab(namespace="..."), or label it.',
    "cluster.taken": "{name} exists in namespace {namespace} and is not kwlab's: remove it, or "
    "name another namespace.",
    "cluster.not_emptied": "What kwlab made in namespace {namespace} does not go away: look for "
    "finalizers.",
    "cluster.story": "A cluster can play recordings of pods or of configmaps, not of {kinds}.",
    "cluster.scenario": "On a cluster only the connection can be cut; {faults} can be played on a "
    "recording.",
    "cluster.future": "Nobody knows {name} at {at} s on a cluster: it has not happened yet.",
    "cluster.unseen": "The cluster did not make known that {name} was {kind}: somebody else may "
    "be changing it. Run this again.",
    "cluster.slow": "The cluster takes too long: this was not done after {seconds} s. A recording "
    "with fewer objects and changes may do.",
    "cluster.standing": (
        "{name} on {context}: {done} of {n} object made",
        "{name} on {context}: {done} of {n} objects made",
    ),
    "cluster.over": "The story is over: nothing more happens in it.",
    "cluster.will": "kwlab will make pods and configmaps in namespace {namespace} of {context} "
    "({url}), all with the label {label}, and remove them when this program ends; the namespace "
    "too, if it is made now and nobody else has put something there. At any time: python -m kwlab "
    "clean --context {context} --namespace {namespace}",
    "cluster.progress": (
        "{name} on {context}: {done} of {n} change made",
        "{name} on {context}: {done} of {n} changes made",
    ),
    "cluster.removal_failed": "Something else came in between ({what}).",
    "cluster.closed": "This lab is closed: open another.",
    "cluster.gone": "{name} in namespace {namespace} is gone: somebody else changes this "
    "namespace. Name another one, and run this again.",
    "cluster.no_name": "{name!r} is no name of a namespace: it has lower-case letters, digits and "
    "hyphens, at most 63.",
    "cluster.left": "What kwlab made could not be removed. {reason} Then run: python -m kwlab "
    "clean --context {context} --namespace {namespace}",
    "cluster.kept": "Namespace {namespace} of {context} is kept, though kwlab made it: somebody "
    "else put {what} there. Move or delete that; then run: python -m kwlab clean "
    "--context {context} --namespace {namespace}",
    "cluster.kept_more": "Namespace {namespace} of {context} is kept, though kwlab made it: "
    "somebody else put {what} and more there. Move or delete that; then run: python -m kwlab clean "
    "--context {context} --namespace {namespace}",
    "cluster.kept_unseen": "Namespace {namespace} of {context} is kept, though kwlab made it: "
    "nobody can tell what else is in it. {reason} Whoever may look deletes it: kubectl --context "
    "{context} delete namespace {namespace}",
    "cluster.unreadable": "It answers {target} in a form that kwlab does not read ({reason}).",
    "cluster.many_types": "Looking took more than {seconds} s.",
    "cluster.unnamed": "Name the cluster: --context NAME, as in kubectl config get-contexts.",
    "cluster.cleaned": "Removed what kwlab made in namespace {namespace} of {context}.",
    "cluster.clean": "There is nothing of kwlab's in {context}: no namespace {namespace}.",
}

_RECORD: Final[dict[str, Template]] = {
    "record.description": "List what a cluster has, watch it for so long, and write down what "
    "changes and when: a recording\nthat every notebook opens with "
    'kwlab.open_lab(recording="my.jsonl"). It reads, and changes nothing.',
    "record.epilog": "for example:\n"
    "  %(prog)s --context kind-kwlab --resource pods --namespace default \\\n"
    "      --seconds 60 --cut 20 --cut 40:3 --output my.jsonl\n\n"
    "Ctrl-C ends it before its time, and the file is complete. Secrets are never recorded, and no\n"
    "token, header, address or name of your kubeconfig; objects are written as the server sent "
    "them.",
    "record.help.context": "a context of your kubeconfig, or in-cluster (default: $KWLAB_CONTEXT)",
    "record.help.resource": "what to record, as kubectl names it: pods, deployments.apps; once for "
    "each, all in one sequence of resourceVersions",
    "record.help.namespace": "where (default: the one that the context names)",
    "record.help.seconds": "how long, in seconds",
    "record.help.output": "a new .jsonl or .jsonl.gz file (default: %(default)s)",
    "record.help.selector": "only objects with these labels: app=web",
    "record.help.from_nothing": "begin before the objects exist: the list may be empty",
    "record.help.cut": "cut the connection then, in seconds, when the recording is played, and "
    "keep it away for so long; once for each",
    "record.help.beside": "run a wrong and a correct watch loop beside it, and write what they "
    "were sent to a second file",
    "record.help.loop_seconds": "after how many seconds the server ends each of their watches "
    "(default: %(default)s)",
    "record.help.away": "how many seconds they stay away then (default: %(default)s)",
    "record.help.managed_fields": "leave out managedFields and what kubectl apply applied last",
    "record.help.env_values": "leave out the values of environment variables",
    "record.secret": "{resource} may hold credentials, and kwlab does not record such: name "
    "another resource.",
    "record.no_resource": "The cluster of context {context} knows no {resource}: kubectl "
    "--context {context} api-resources says what it knows.",
    "record.not_watchable": "{resource} cannot be listed and watched on this cluster: name another "
    "resource.",
    "record.no_list": "What came for {resource} is no list: {reason}",
    "record.other_sequence": "The cluster keeps {resource} in a sequence of resourceVersions of "
    "its own: record it by itself.",
    "record.no_namespace": "The context names no namespace: write --namespace NAME.",
    "record.nothing": "There are no {resources} in namespace {namespace}: check the name, or write "
    "--from-nothing to begin before they exist.",
    "record.from_nothing": "No {resources} in namespace {namespace} yet: the recording begins "
    "before them.",
    "record.number": "{option} is {value}: write a number of seconds, such as {option} 60.",
    "record.whole": "{option} is {value}: the server counts whole seconds.",
    "record.late_cut": "--cut {value} comes after the end: the recording lasts {seconds} s.",
    "record.exists": "it exists already, and is not overwritten: name another file, or remove it",
    "record.no_folder": "there is no folder {folder}",
    "record.suffix": "a recording's name ends in .jsonl or .jsonl.gz",
    "record.full": "it has {limit:byte|bytes}, and a longer one could not be loaded; what it "
    "holds is complete up to here",
    "record.not_ordered": "it is complete and can be opened, but could not be tidied up ({reason})",
    "record.begun": "Recording to {path} for {seconds} s. Ctrl-C ends it, with a complete file.",
    "record.progress": (
        "{seconds} of {of} s: {n} change",
        "{seconds} of {of} s: {n} changes",
    ),
    "record.cut": "The watch of {resource} broke off ({why}); it goes on from where it was.",
    "record.loop": "The {name} loop ended: {reason}",
    "record.interrupted": "Interrupted before anything was recorded.",
    "record.done": "{path}: {seconds} s; objects at the start: {objects}, changes: {changes}.",
    "record.attempts": "{path}: what the wrong and the correct loop asked and were sent.",
    "record.open": 'Open it: kwlab.open_lab(recording="{path}")',
    "record.inside": "The objects are in it whole: what stands in environment values, arguments, "
    "annotations and config maps. Look through it before you give it away.",
}

_STRIP: Final[dict[str, Template]] = {
    "strip.cluster": "cluster",
    "strip.changes": ("{count} change", "{count} changes"),
    "strip.delivered": "{count} delivered",
    "strip.new": "{count} new",
    "strip.inferred": "{count} inferred",
    "strip.replayed": "{count} replayed",
    "strip.not_requested": "{count} not requested",
    "strip.superseded": "{count} superseded",
    "strip.lost": "{count} lost",
    "strip.deletions": ("{count} deletion", "{count} deletions"),
    "strip.ghosts": ("{count} ghost", "{count} ghosts"),
    "strip.believed": "{count} believed",
    "strip.real": "{count} real",
    "strip.asks_from": "asks from rv",
    "strip.none": "none",
    "strip.empty": "empty",
    "strip.always_none": "none, {n:time|times}",
    "strip.always_resumed": "the last rv seen, {n:time|times}",
    "strip.mostly_dropped": "{n} of {count:time|times} not the last rv seen",
    "strip.list": "list {rv}",
    "strip.a_bar": "a bar: one {kind}",
    "strip.a_bar.short": "a {kind}",
    "strip.more": "{count} more {kinds}",
    "strip.all_of_them": "{count} {kinds}",
    "strip.label.replayed": "replayed",
    "strip.label.lost": "lost",
    "strip.label.adds_up": "adds up",
    "strip.only_waste": (
        "nothing was lost here: the waste is the lesson, {count} event sent for nothing",
        "nothing was lost here: the waste is the lesson, {count} events sent for nothing",
    ),
    "strip.last_seen.long": "last seen: {rv}",
    "strip.last_seen.short": "seen {rv}",
    "strip.dropped.long": "{rv} dropped",
    "strip.dropped.short": "dropped",
    "strip.why.none.long": "none: everything that exists is sent",
    "strip.why.none.short": "none: all is sent",
    "strip.why.old.long": "an old rv: everything since then is sent again",
    "strip.why.old.short": "an old rv: all since is sent",
    "strip.disguised.long": "carries the missed change",
    "strip.disguised.short": "carries it",
    "strip.ghost.first": "{name} was deleted at {rv}; this watcher was never told",
    "strip.ghost.long": "deleted at {rv}, never told",
    "strip.ghost.short": "deleted, never told",
    "strip.ghost.least": "never told",
    "strip.ghost.next": "{name}, deleted at {rv}",
    "strip.cut_at": "cut at",
    "strip.order.long": "order of events, not to scale",
    "strip.order.short": "not to scale",
    "strip.cut_away": "{at}, away for {seconds}",
    "strip.close.timeout": "timeout",
    "strip.close.cut": "cut",
    "strip.close.refused": "away",
    "strip.close.status": "refused",
    "strip.close.error": "error",
    "strip.close.unreadable": "unreadable",
    "strip.close.silent": "silent",
    "strip.close.stopped": "stopped",
    "strip.close.failed": "failed",
    "strip.close.over": "end of the recording",
    "strip.legend.connected": "connected",
    "strip.legend.dropped": "rv dropped",
    "strip.legend.column": "sent again",
    "strip.legend.replayed": "{type} again, nothing new",
    "strip.legend.not_requested": "not requested",
    "strip.legend.late": "missed, told late",
    "strip.legend.ghost": "ghost: believed, but gone",
    "strip.legend.gone": "gone, not yet told",
    "strip.legend.refused": "away: no connection",
    "strip.legend.cut": "cut",
    "strip.legend.bookmark": "bookmark: rv only, no change",
    "strip.title.change": "change {number}: {type} {name} at {at} (resourceVersion {value})",
    "strip.title.connection": "connection {number}: opened at {at} from {rv} "
    "(resourceVersion {value}), ended at {ended}: {reason}",
    "strip.title.refused": "connection {number}: nothing at {at}: {reason}",
    "strip.title.bookmark": "bookmark {rv}: resourceVersion {value}, no change",
    "strip.title.dropped": "{rv} was handed over, and dropped",
    "strip.title.resumed": "goes on from {rv}, as handed over",
    "strip.title.column": (
        "connection {number}: {n} event sent again",
        "connection {number}: {n} events sent again",
    ),
    "strip.title.many": ("{n} event sent again", "{n} events sent again"),
    "strip.title.new": "{type} {name} {rv}, told at {at} (resourceVersion {value})",
    "strip.title.late": "{type} {name} {rv}, told late at {at} (resourceVersion {value})",
    "strip.title.disguised": "{type} {name} {rv} at {at}: carries the missed {told} "
    "(resourceVersion {value})",
    "strip.title.inferred": "{type} {name} {rv}, inferred from a list at {at} "
    "(resourceVersion {value})",
    "strip.title.not_requested": "{type} {name} at {at}: not requested (resourceVersion {value})",
    "strip.title.replayed": "{type} {name} {rv}, told again at {at} (resourceVersion {value})",
    "strip.title.lost": "{type} {name} {rv} at {at}: lost, never told (resourceVersion {value})",
    "strip.alt.changes": ("Watch strip of {n} change.", "Watch strip of {n} changes."),
    "strip.alt.cuts": "Cut at {cuts}.",
    "strip.alt.state": "{start} at the start, {end} at the end.",
    "strip.alt.watcher": "‘{watcher}’: {asked}; {delivered}; {lost}; {believes}.",
    "strip.alt.never": "asked for nothing",
    "strip.alt.none": (
        "asked once without a resourceVersion",
        "asked {n} times without a resourceVersion",
    ),
    "strip.alt.some": "asked {n:time|times}, {dropped:time|times} without the resourceVersion it "
    "had reached",
    "strip.alt.resumed": (
        "asked once, from the resourceVersion it had reached",
        "asked {n} times, each time from the resourceVersion it had reached",
    ),
    "strip.alt.all_new": ("{n} event delivered, all new", "{n} events delivered, all new"),
    "strip.alt.delivered": (
        "{n} event delivered, {terms}",
        "{n} events delivered, {terms}",
    ),
    "strip.alt.lost": ("{n} change lost", "{n} changes lost"),
    "strip.alt.lost_deletions": (
        "{lost}, {n} deletion among them",
        "{lost}, {n} deletions among them",
    ),
    "strip.alt.superseded": "{lost}, {n} superseded by a list",
    "strip.alt.ghosts": (
        "it still believes in {names}, which no longer exists",
        "it still believes in {names}, which no longer exist",
    ),
    "strip.alt.strangers": "it believes in what was not requested: {names}",
    "strip.alt.nothing": "of what it watches there never is anything",
    "strip.alt.exact": "it believes in exactly what exists",
    "strip.alt.misses": (
        "it does not know of {n} that exists",
        "it does not know of {n} that exist",
    ),
    "strip.names.more": "{names} and {n} more",
    "strip.names.and": "{names} and {last}",
    "strip.table.connections": "Watch strip: a row a connection",
    "strip.table.changes": "Watch strip: a row a change",
    "strip.table.open": "The same as tables",
    "strip.scroll": "Picture, scrolls sideways where the window is narrow",
    "strip.hint": "The picture goes on to the right: scroll it sideways.",
    "strip.head.watcher": "watcher",
    "strip.head.connection": "connection",
    "strip.head.asked_at": "asked at",
    "strip.head.asked_from": "asked from rv",
    "strip.head.ended_at": "ended at",
    "strip.head.reason": "reason",
    "strip.head.delivered": "delivered",
    "strip.head.inferred": "inferred",
    "strip.head.replayed": "replayed",
    "strip.head.not_requested": "not requested",
    "strip.head.changes": "changes",
    "strip.head.bookmarks": "bookmarks",
    "strip.head.lost": "lost in the gap before",
    "strip.head.believed": "believed",
    "strip.head.real": "real",
    "strip.head.ghosts": "ghosts",
    "strip.head.time": "time",
    "strip.head.rv": "rv",
    "strip.head.value": "resourceVersion",
    "strip.head.type": "type",
    "strip.head.object": "object",
    "strip.cell.new": "{at}",
    "strip.cell.known": "known",
    "strip.cell.disguised": "{at}, as {type}",
    "strip.cell.inferred": "{at}, inferred",
    "strip.cell.superseded": "superseded",
    "strip.cell.again": ("{cell}; again once", "{cell}; again {n} times"),
    "strip.cell.lost_gap": "lost in gap {gap}",
    "strip.cell.lost": "lost",
    "strip.cell.pending": "after its end",
    "strip.cell.unwatched": "not watched",
    "strip.type.listed": "in the list",
    "strip.type.added": "created",
    "strip.type.modified": "changed",
    "strip.type.deleted": "deleted",
    "strip.step.change": "{at}. The cluster {did} {name} (change {number}).",
    "strip.step.cut": "{at}. {who}",
    "strip.step.cut_one": "The connection of ‘{watcher}’ ends ({reason}).",
    "strip.step.cut_away": "The connection of ‘{watcher}’ ends ({reason}), and it gets no other "
    "for {seconds}.",
    "strip.step.open": "{at}. {who}",
    "strip.step.open_none": "‘{watcher}’ asks without a resourceVersion: {answer}.",
    "strip.step.open_rv": "‘{watcher}’ asks from {rv}: {answer}.",
    "strip.step.sent_again": ("{names} is sent again", "{names} are sent again"),
    "strip.step.sent_again_often": "{names} are sent again, in {count:event|events}",
    "strip.step.sent_late": (
        "the {n} change that it missed is sent, of {names}",
        "the {n} changes that it missed are sent, of {names}",
    ),
    "strip.step.sent_nothing": "nothing is sent yet",
    "strip.step.not_there": (
        "{names} is not there, so nobody mentions it: ‘{watcher}’ goes on believing in it.",
        "{names} are not there, so nobody mentions them: it goes on believing in them.",
    ),
    "strip.step.end": "{at}. The end.",
    "strip.step.first_again": "{line} (first again)",
    "strip.step.last_again": "{line} (last again)",
    "strip.fate.new": "‘{watcher}’ is told at once.",
    "strip.fate.late": "‘{watcher}’ was away; it is told at {at}.",
    "strip.fate.disguised": "‘{watcher}’ was away; it is told at {at}, as {type}.",
    "strip.fate.inferred": "‘{watcher}’ was away; a list shows at {at} that it is gone.",
    "strip.fate.superseded": "‘{watcher}’ was away; it is not told, but a list shows what came of "
    "it.",
    "strip.fate.lost_away": "‘{watcher}’ was away; it is never told.",
    "strip.fate.lost": "‘{watcher}’ was connected; it is never told.",
    "strip.fate.pending": "‘{watcher}’ had ended.",
    "strip.fate.unwatched": "‘{watcher}’ does not watch that.",
    "strip.because.none": "‘{watcher}’ asks without a resourceVersion at {at}, and is sent what "
    "exists then.",
    "strip.because.rv": "‘{watcher}’ asks from {rv} at {at}, and is sent all that came after it.",
    "strip.because.same": "‘{watcher}’ asked from {rv} at {at}, and was connected.",
    "strip.because.same_none": "‘{watcher}’ asked without a resourceVersion at {at}, and was "
    "connected.",
    "strip.so_far": "So far ‘{watcher}’ was delivered {delivered}, {replayed} of them replayed; "
    "{lost}; it believes in {believed}, and {exist}.",
    "strip.so_far.delivered": ("{n} event", "{n} events"),
    "strip.so_far.lost": ("{n} change is lost", "{n} changes are lost"),
    "strip.so_far.exist": ("{n} exists", "{n} exist"),
    "call.word": "{name} is {value}: choose one of {known}.",
    "call.width": "width is {value}: give a number of pixels, or None.",
    "call.path": "A file is named by a text or a Path, not by {value}.",
    "lab.mapping": "compare_all() takes functions by name and was given {value}: write "
    'compare_all({{"mine": mine}}).',
    "lab.story": "A lab plays a recording or a history, not {value}: write kwlab.open_lab().",
    "lab.text": "{name} is {value}: give a text.",
    "strip.go.which": "go_to() takes one of change, lost, replay, reconnect and at: "
    "write strip.go_to(lost=1).",
    "strip.go.number": "{what} is {value}: give a number from 1 on.",
    "strip.go.time": "at is {value}: give a time in seconds.",
    "strip.go.none": "there is no {what} in this strip.",
    "strip.go.only": (
        "there is only {n} {what}: give 1.",
        "there are only {n} {whats}: 1 to {n}.",
    ),
    "strip.what.change": ("change", "changes"),
    "strip.what.lost": ("lost change", "lost changes"),
    "strip.what.replay": ("replay", "replays"),
    "strip.what.reconnect": ("reconnect", "reconnects"),
    "strip.button.previous_reconnect": "previous reconnect",
    "strip.button.back": "back",
    "strip.button.step": "step",
    "strip.button.next_reconnect": "next reconnect",
    "strip.button.next_lost": "next lost",
    "strip.button.next_replay": "next replay",
    "strip.slider": "place on the watch strip",
    "strip.slider_text": "{place} of {n}, {at}",
    "strip.controls": "Watch strip: move through its events",
    "strip.save.suffix": "save() writes .svg or .md, and was given {path}.",
    "strip.save.failed": "{path} cannot be written: {reason}.",
}

_COMMAND: Final[dict[str, Template]] = {
    "command.usage": "{program}: error: {message}\n",
    "command.output": "kwlab: The output could not be written ({reason}).",
    "command.statuses": "Exit status: 0 done (for check and serve --check: correct); 1 failed, or "
    "not yet correct; 2 cannot be judged (check and serve --check only); 64 the command line is "
    "wrong; 74 the output could not be written; 130 interrupted.",
}

_SERVE: Final[dict[str, Template]] = {
    "serve.listening": (
        "Serving {name} at {url} ({speed} second of it a second, from the first request on): "
        "export KUBECONFIG={kubeconfig} for your client. Ctrl-C here ends it.",
        "Serving {name} at {url} ({speed} seconds of it a second, from the first request on): "
        "export KUBECONFIG={kubeconfig} for your client. Ctrl-C here ends it.",
    ),
    "serve.port": "Cannot listen on port {port} ({reason}). Choose another, or omit --port.",
    "serve.speed": "A speed of {speed} cannot be served: expected a number above 0.",
    "serve.closed": "This server is not running: use it inside its `with` block.",
    "serve.checking": "It ends by itself when {seconds} s of it are over and its clients are back; "
    "Ctrl-C ends it earlier. Then come the verdicts.",
    "serve.saved": "Wrote {path}.",
    "serve.first": "{client} asks for {path}.",
    "serve.scenario_file": "{path} cannot be read as a scenario: {reason}.",
}

_DOCTOR: Final[dict[str, Template]] = {
    "extra.missing": "This needs {package}, which is not installed. In your clone of kwlab, run: "
    "pip install '.[lab]'",
    "doctor.line": "{level:<9}{name:<13}{said}",
    "doctor.ok": "ok",
    "doctor.warning": "warning",
    "doctor.problem": "problem",
    "doctor.python": "Python",
    "doctor.packages": "packages",
    "doctor.notebooks": "notebooks",
    "doctor.compare": "compare()",
    "doctor.loopback": "loopback",
    "doctor.jupyterlab": "JupyterLab",
    "doctor.front_end": "front end",
    "doctor.kernel": "kernel",
    "doctor.widgets": "widgets",
    "doctor.cluster": "cluster",
    "doctor.permissions": "permissions",
    "doctor.namespace": "namespace",
    "doctor.failed": "This could not be looked at ({reason}). {remedy}",
    "doctor.incomplete": "It cannot start ({reason}). What is wrong, and what to do:",
    "doctor.python.fine": "{version}; kwlab asks for {wanted}.",
    "doctor.python.untried": "{version} is newer than {tried}, the newest that kwlab was tried on. "
    "If something goes wrong, use that one.",
    "doctor.python.wrong": "{version}, and kwlab asks for {wanted}: install such a Python, and "
    "kwlab in it.",
    "doctor.python.remedy": "Install kwlab into this Python, as its README says.",
    "doctor.packages.fine": (
        "The {n} package that kwlab asks for is here.",
        "The {n} packages that kwlab asks for are here.",
    ),
    "doctor.packages.wrong": "{wrong}. Run: {install}",
    "doctor.packages.remedy": "Install kwlab into this Python, as its README says.",
    "doctor.package.missing": "{name} is missing",
    "doctor.package.other": "{name} is {version}, and kwlab asks for {wanted}",
    "doctor.notebooks.fine": ("{n} notebook came along.", "{n} notebooks came along."),
    "doctor.notebooks.remedy": "Install kwlab again.",
    "doctor.numbers": "{delivered} delivered = {new} new + {replayed} replayed, {lost} lost",
    "doctor.compare.fine": "It finds what the recording says: {numbers}.",
    "doctor.compare.other": "‘{name}’ got {found}, and by the recording it gets {expected}: "
    "install kwlab again.",
    "doctor.compare.remedy": "Put the packages right first; then install kwlab again.",
    "doctor.loopback.fine": "A port of {host} can be had, and answers.",
    "doctor.loopback.remedy": "Kernels and kwlab serve need it: allow programs of this machine to "
    "connect to each other on 127.0.0.1.",
    "doctor.jupyterlab.fine": "JupyterLab {version}.",
    "doctor.jupyterlab.wrong": "For the notebooks, {wrong}. Run: {install}",
    "doctor.jupyterlab.remedy": "Install JupyterLab again.",
    "doctor.front_end.fine": "JupyterLab has {names}, enabled and compatible.",
    "doctor.front_end.missing": "JupyterLab lacks {name}, so no widget is drawn. Run: {install}",
    "doctor.front_end.disabled": "{name} is disabled in JupyterLab, so no widget is drawn. "
    "Run: jupyter labextension enable {name}",
    "doctor.front_end.incompatible": "{name} was made for another JupyterLab. Run: {install}",
    "doctor.front_end.remedy": "Run: jupyter labextension list",
    "doctor.kernel.fine": "A kernel starts, with this Python.",
    "doctor.kernel.missing": "There is no kernel, and a notebook needs one. Run: {install}",
    "doctor.kernel.other": "The kernel {name} runs the Python in {other}, and this is the one in "
    "{this}. Run: {python} -m ipykernel install --sys-prefix",
    "doctor.kernel.remedy": "Install ipykernel again.",
    "doctor.widgets.fine": "A watch strip leaves the kernel for the front end.",
    "doctor.widgets.none": "A watch strip leaves the kernel without its widget. Run: {install}",
    "doctor.widgets.remedy": "Put the packages right first.",
    "doctor.cluster.fine": "{context} answers at {url}: Kubernetes {version}.",
    "doctor.cluster.remedy": "Look at it with kubectl: kubectl get --raw /version",
    "doctor.permissions.fine": (
        "You have the {n} permission that kwlab needs {place}.",
        "You have the {n} permissions that kwlab needs {place}.",
    ),
    "doctor.permissions.denied": "Not allowed {place}: {rights}. Ask for the Role in {manifest}.",
    "doctor.permissions.remedy": "Ask with kubectl: kubectl auth can-i --list",
    "doctor.namespace.fine": "{namespace} is kwlab's.",
    "doctor.namespace.made": "{namespace} is not there; kwlab makes it, and removes it.",
    "doctor.namespace.denied": "{namespace} is not there, and you may not {rights}: ask for what "
    "is in {manifest}, or name another in KWLAB_NAMESPACE.",
    "doctor.namespace.terminating": "{namespace} is being removed: wait until it is gone.",
    "doctor.namespace.other": "{namespace} is not kwlab's, for it lacks the label {label}: name "
    "another in KWLAB_NAMESPACE, or label it.",
    "doctor.namespace.remedy": "Look at it with kubectl: kubectl get namespaces --show-labels",
}

CATALOGUE: Final[dict[str, Template]] = {
    **_WATCH_FUNCTION,
    **_OPTIONS,
    **_CHOICES,
    **_ENDS,
    **_OBSERVED,
    **_REFLECTOR,
    **_LAB,
    **_FINDING,
    **_EXERCISES,
    **_JUDGED,
    **_CHECK,
    **_CLIENT,
    **_PROPERTIES,
    **_COST,
    **_CHART,
    **_STRIP,
    **_CLUSTER,
    **_RECORD,
    **_COMMAND,
    **_SERVE,
    **_DOCTOR,
}
"""Every sentence by its key."""


def seconds(value: float) -> str:
    """Write a moment for people, with one digit.

    Parameters
    ----------
    value : float
        In seconds.

    Returns
    -------
    str
        Halves go up: 31.05 and 32.05 are a second apart on paper too, whatever their last bits.

    Examples
    --------
    >>> seconds(31.05), seconds(32.05)
    ('31.1', '32.1')
    """
    return f"{value + 1e-9:.1f}"


def about(value: float) -> str:
    """Write a moment where room is short: in whole seconds, if half a tenth is all it is off.

    Parameters
    ----------
    value : float
        In seconds.

    Returns
    -------
    str

    Examples
    --------
    >>> about(31.05), about(1.5)
    ('31', '1.5')
    """
    return f"{value:.0f}" if abs(value - round(value)) <= 0.05 + 1e-9 else seconds(value)


def say(key: str, **facts: object) -> str:
    """Put facts into a sentence of the catalogue.

    Parameters
    ----------
    key : str
        The sentence.
    **facts
        What its placeholders name; ``n`` also chooses between one and many.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        When there is no such sentence, or a fact is missing.

    Examples
    --------
    >>> say("function.camel_case", name="resourceVersion", python_name="resource_version")
    'There is no resourceVersion: the Python client spells it resource_version.'
    """
    template = CATALOGUE[key]
    if isinstance(template, tuple):
        template = template[facts["n"] != 1]
    return _COUNTING.vformat(template, (), facts)


class Counting(string.Formatter):
    """Put the word for one or for many behind a number: ``{n:change|changes}``."""

    def format_field(self, value: object, format_spec: str) -> str:
        """Write one fact."""
        one, bar, many = format_spec.partition("|")
        if bar:
            return f"{value} {one if str(value) == '1' else many}"
        return str(super().format_field(value, format_spec))


_COUNTING: Final = Counting()
