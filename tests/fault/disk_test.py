"""Disks that are full or cannot be written."""

import ctypes
import os
import struct
import subprocess

import generate_checkpoint
import harness

# Mounts a file system of its own for one command; the mount ends with it. As root, or as anybody
# where the kernel allows user namespaces.
MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; shift 2; "$@"; status=$?; ls -A "$0" >&3; ' \
        'exit $status'
UNSHARE = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])


# A disk that gets full in mid-job, though space is reserved at the start: a file system that cannot
# reserve. As a filter on system calls (linux/seccomp.h, x86-64): fallocate is "not supported".
FALLOCATE, X86_64 = 285, 0xC000003E
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO_OPNOTSUPP = 0x7FFF0000, 0x00050000 | 95


def forbid_fallocate():
    code = [(LOAD_WORD, 0, 0, 4), (JUMP_IF_EQUAL, 0, 3, X86_64), (LOAD_WORD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, FALLOCATE), (RETURN, 0, 0, ERRNO_OPNOTSUPP),
            (RETURN, 0, 0, ALLOW)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0):
        raise OSError(ctypes.get_errno(), "prctl")


# Fills a small disk in mid-job, frees space, and does it again; results in $0.
RESUME = """
mount -t tmpfs -o size=5m tmpfs disk || exit 99
head -c 2M /dev/zero > disk/other || exit 98
"$@" > first.out 2> first.err; echo $? > first.status
ls disk > first.left
rm disk/other
"$@" > second.out 2> second.err; echo $? > second.status
ls disk > second.left
cp disk/*.gguf . 2> /dev/null
true
"""


class Disk(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        generate_checkpoint.generate(self.path("model"))
        os.mkdir(self.path("disk"))

    def run_on_mount(self, options, *words):
        """Runs a tool while a tmpfs with `options` is mounted at disk/; returns its result and what
        it left there. Skips the test where nothing can be mounted."""
        for unshare in UNSHARE:
            left = os.path.join(self.folder, "left")
            with open(left, "w", encoding="utf-8") as listing:
                done = subprocess.run(
                    unshare + ["bash", "-c", 'exec 3>&"$LEFT"; ' + MOUNT, self.path("disk"),
                               options, self.path("disk")] + harness.command(words),
                    cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True, check=False, pass_fds=[listing.fileno()],
                    env=dict(os.environ, LEFT=str(listing.fileno())),
                    timeout=harness.PROGRAM_SECONDS)
            if done.returncode != 99 and not done.stderr.startswith("unshare:"):
                with open(left, encoding="utf-8") as listing:
                    return (harness.Result(done.returncode, done.stdout, done.stderr),
                            listing.read().split())
        self.skipTest("no tmpfs can be mounted here: " + done.stderr.strip())
        raise AssertionError

    def refuse_on_mount(self, options, mention, *words):
        result, left = self.run_on_mount(options, *words)
        self.assertEqual(1, result.status, harness.describe(words, result))
        self.assertEqual(1, len(result.stderr.strip().splitlines()), result.stderr)
        self.assertIn("disk/out.gguf", result.stderr)
        self.assertRegex(result.stderr.lower(), mention)
        self.assertEqual([], left)

    def test_a_disk_that_is_large_enough(self):
        # Shows that the mounts work, so that the failures below are what they seem.
        result, left = self.run_on_mount("size=64m", "quantize", "--type", "Q8_0", "model",
                                         "disk/out.gguf")
        self.assertEqual(0, result.status, result.stderr)
        self.assertEqual(["out.gguf"], left)

    def test_no_space(self):
        # The Q8_0 file takes 1.5 MB.
        self.refuse_on_mount("size=1m", "space", "quantize", "--type", "Q8_0", "model",
                             "disk/out.gguf")
        self.refuse_on_mount("size=1m", "space", "convert", "--outtype", "f16", "model",
                             "disk/out.gguf")

    def test_space_for_one_of_two_outputs(self):
        # 1.5 MB and 2.9 MB on a disk of 3 MB: none may stay.
        words = ["quantize", "--type", "Q8_0,F16", "model", "disk/out-{type}.gguf"]
        result, left = self.run_on_mount("size=3m", *words)
        self.assertEqual(1, result.status, harness.describe(words, result))
        self.assertEqual([], left)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().strip()

    def fill_and_free(self, *words):
        """Runs a tool on a disk that is too small, then again with more space; see RESUME."""
        for unshare in UNSHARE:
            done = subprocess.run(unshare + ["bash", "-c", RESUME, "bash"] + harness.command(words),
                                  cwd=self.folder, stdin=subprocess.DEVNULL, check=False,
                                  stderr=subprocess.PIPE, text=True, preexec_fn=forbid_fallocate,
                                  timeout=harness.PROGRAM_SECONDS)
            if done.returncode == 0:
                return
        self.skipTest("no tmpfs can be mounted here: " + done.stderr.strip())

    def test_full_in_mid_job(self):
        # 1.5 MB and 2.9 MB; 3 MB are free, each fits by itself.
        words = ["quantize", "--threads", 1, "--type", "Q8_0,F16", "model", "disk/out-{type}.gguf"]
        self.succeed("quantize", "--type", "Q8_0,F16", "model", "expected-{type}.gguf")
        for resume in ([], ["--resume"]):
            with self.subTest(resume=resume):
                self.fill_and_free(*words, *resume)
                said = self.text("first.err")
                self.assertEqual("1", self.text("first.status"), said)
                self.assertRegex(said, r"disk/out-\w+.gguf.*No space left on device")
                self.assertEqual("free space and" in said, bool(resume), said)
                left = self.text("first.left").split()
                self.assertEqual(["other"] + [
                    f"out-{name}.gguf{end}" for name in ("F16", "Q8_0")
                    for end in (".journal", ".partial") if resume], left)
                self.assertEqual("0", self.text("second.status"), self.text("second.err"))
                self.assertEqual("out-F16.gguf out-Q8_0.gguf".split(),
                                 self.text("second.left").split())
                for name in ("F16", "Q8_0"):
                    self.assert_same_files(self.path(f"expected-{name}.gguf"),
                                           self.path(f"out-{name}.gguf"))
                if resume:
                    self.assertIn("are kept", self.text("second.err"))

    def test_no_space_for_the_report(self):
        # A page; the report takes more. Noticed before the work begins.
        words = ["quantize", "--type", "Q8_0", "--report", "disk/report.json", "model", "out.gguf"]
        result, left = self.run_on_mount("size=4k", *words)
        self.assertEqual(1, result.status, harness.describe(words, result))
        self.assertIn("disk/report.json", result.stderr)
        self.assertIn("space", result.stderr)
        self.assertEqual([], left)
        self.assertFalse(os.path.exists(self.path("out.gguf")))

    def test_read_only_disk(self):
        self.refuse_on_mount("ro", "read-only|permission|written", "quantize", "--type", "Q8_0",
                             "model", "disk/out.gguf")

    def test_folder_that_is_not_there(self):
        self.fail_with(1, "quantize", "--type", "Q8_0", "model", "absent/out.gguf",
                       mentions=["absent"])
        self.assertFalse(os.path.exists(self.path("absent")))

    def test_folder_that_is_a_file(self):
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        for name in ("quantize", "convert"):
            option = "--type" if name == "quantize" else "--outtype"
            self.fail_with(1, name, option, "Q8_0", "model", "file/out.gguf", mentions=["file"])

    def test_output_that_is_a_folder(self):
        os.mkdir(self.path("out.gguf"))
        for words in ([], ["--force"]):
            self.fail_with(1, "quantize", *words, "--type", "Q8_0", "model", "out.gguf",
                           mentions=["out.gguf"])
        self.assertEqual([], os.listdir(self.path("out.gguf")))


if __name__ == "__main__":
    harness.main()
