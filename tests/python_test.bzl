"""python_test: a Python test (unittest) that drives the programs from outside."""

def python_test(name, src, interop = False, data = [], tags = [], **kwargs):
    """Declares a test; see tests/python_test.sh and tests/harness.py.

    Args:
      name: name of the test.
      src: the .py file, whose last lines call harness.main().
      interop: run it in the environment of tests/interop/requirements.txt. Whether that exists is
        nothing Bazel knows, so such a test runs every time ("external").
      data: programs and files it reads, besides the modules in tests/.
      tags: as usual.
      **kwargs: for sh_test.
    """
    native.sh_test(
        name = name,
        srcs = ["//tests:python_test.sh"],
        args = [
            "interop" if interop else "system",
            "$(location %s)" % src,
        ],
        data = data + [
            src,
            "//tests:modules",
        ] + (["//tests/interop:requirements.txt"] if interop else []),
        tags = tags + (["external"] if interop else []),
        **kwargs
    )
