"""What every Python test here stands on: running the programs, and a test.xml that counts cases.

A test file defines unittest.TestCase classes (usually ProgramTest) and ends in harness.main().
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

Result = namedtuple("Result", "status stdout stderr")

ROOT = os.getcwd()  # the root of the runfiles, as the tests are started by Bazel
TESTDATA = os.path.join(ROOT, "testdata")
PROGRAM_SECONDS = 240  # a program that runs longer hangs


def program(name):
    """Absolute path of a tool."""
    return os.path.join(ROOT, "tools", name)


def command(words):
    """Argument list of `words`, the first being a tool's name."""
    return [program(words[0])] + [str(word) for word in words[1:]]


class ProgramTest(unittest.TestCase):
    """A case with a temporary folder `self.folder` and shorthands for running the tools in it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def listing(self):
        """All files under the folder, relative to it."""
        return sorted(
            os.path.relpath(os.path.join(parent, name), self.folder)
            for parent, _, names in os.walk(self.folder) for name in names)

    def run_tool(self, *words, stdin=None, env=None):
        """Runs a tool to its end, in the temporary folder, and returns its Result."""
        done = subprocess.run(command(words), cwd=self.folder, stdin=stdin or subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PROGRAM_SECONDS, env=env, errors="replace", check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *words):
        """Starts a tool with a child's own, default, reaction to signals."""
        def reset():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return subprocess.Popen(command(words), cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=reset)

    def succeed(self, *words):
        """Runs a tool that must exit with 0."""
        result = self.run_tool(*words)
        self.assertEqual(0, result.status, describe(words, result))
        return result

    def fail_with(self, status, *words, mentions=()):
        """Runs a tool that must exit with `status` and say why: for status 1 in one line. Each of
        `mentions` must occur in what it says, without regard to case."""
        result = self.run_tool(*words)
        self.assertEqual(status, result.status, describe(words, result))
        complaint = result.stderr.strip()
        self.assertNotEqual("", complaint, describe(words, result))
        if status == 1:
            self.assertEqual(1, len(complaint.splitlines()), describe(words, result))
        for words_expected in mentions:
            self.assertIn(words_expected.lower(), complaint.lower(), describe(words, result))
        return result

    def recipes(self):
        """Names of all quantization types, as the program lists them; COPY is none."""
        complaint = self.fail_with(2, "quantize", "--type", "none", "in.gguf").stderr
        return re.search(r"known are (.*) and COPY", complaint)[1].split(", ")

    def assert_same_files(self, a, b):
        with open(a, "rb") as file_a, open(b, "rb") as file_b:
            self.assertTrue(file_a.read() == file_b.read(), f"{a} and {b} differ")


def describe(words, result):
    return (f"{' '.join(str(word) for word in words)}\n  exit status {result.status}\n"
            f"  standard output: {result.stdout[-2000:]}\n  standard error: {result.stderr[-2000:]}")


def is_sanitized(name):
    """Whether a tool was built with a sanitizer that takes memory of its own (asan, tsan)."""
    with open(program(name), "rb") as file:
        content = file.read()
    return b"__asan_init" in content or b"__tsan_init" in content


class XmlResult(unittest.TextTestResult):
    """Records every case for test.xml; a failed subtest fails its case, with all messages."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = {}  # test id -> [seconds, verdict, message]

    def startTest(self, test):
        super().startTest(test)
        self.cases[test.id()] = [time.monotonic(), None, ""]

    def stopTest(self, test):
        super().stopTest(test)
        self.cases[test.id()][0] = time.monotonic() - self.cases[test.id()][0]

    def _record(self, test, verdict, message):
        case = self.cases.setdefault(test.id(), [0.0, None, ""])
        case[1] = verdict
        case[2] += message + "\n"

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, "failure", "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        self._record(test, "error", "".join(traceback.format_exception(*err)))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            message = "".join(traceback.format_exception(*err))
            self._record(test, "failure", f"{subtest}\n{message}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        case = self.cases.setdefault(test.id(), [0.0, None, ""])
        if case[1] is None:
            case[1:] = ["skipped", reason]


def write_xml(suite_name, cases):
    """Writes {name: [seconds, verdict, message]} where Bazel looks for results, if it does."""
    path = os.environ.get("XML_OUTPUT_FILE")
    if not path:
        return
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name=suite_name, tests=str(len(cases)))
    for name, (seconds, verdict, message) in cases.items():
        case = ElementTree.SubElement(suite, "testcase", name=name.replace("__main__.", ""),
                                      classname=suite_name, time=f"{seconds:.3f}")
        if verdict:
            text = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in message)
            mark = ElementTree.SubElement(case, verdict, message=text[:4000])
            mark.text = text
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def main():
    """Runs the test cases of the calling script; exits with 1 when one fails."""
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=XmlResult)
    program_run = unittest.main(module="__main__", testRunner=runner, exit=False)
    cases = program_run.result.cases
    write_xml(os.path.basename(sys.argv[0]), cases)
    sys.exit(0 if cases and program_run.result.wasSuccessful() else 1)


if __name__ == "__main__":  # python3 -m harness skip TEST REASON
    print(f"skipped: {sys.argv[3]}", file=sys.stderr)
    write_xml(sys.argv[2], {os.path.basename(sys.argv[2]): [0.0, "skipped", sys.argv[3]]})
