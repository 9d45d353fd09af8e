"""Third-party libraries, one entry each, under their upstream repository names."""

load("//tools/build:system_repository.bzl", "system_repository")

def gguf_toolchain_dependencies():
    """Declares every external repository the targets of this project may depend on."""
    system_repository(
        name = "com_google_absl",
        deb = "libabsl-dev",
        targets = {label: ["absl_*"] for label in [
            "absl/base:core_headers",
            "absl/cleanup:cleanup",
            "absl/container:btree",
            "absl/container:flat_hash_map",
            "absl/container:flat_hash_set",
            "absl/container:inlined_vector",
            "absl/functional:function_ref",
            "absl/random:random",
            "absl/status:status",
            "absl/status:statusor",
            "absl/strings:str_format",
            "absl/strings:strings",
            "absl/synchronization:synchronization",
            "absl/time:time",
            "absl/types:optional",
            "absl/types:span",
        ]},
    )
    system_repository(
        name = "com_google_googletest",
        deb = "libgmock-dev",
        defines = ["GTEST_HAS_PTHREAD=1"],
        targets = {
            ":gtest": ["gmock", "gtest", "pthread"],
            ":gtest_main": ["gmock_main", "gmock", "gtest", "pthread"],
        },
    )
    system_repository(
        name = "com_github_google_benchmark",
        deb = "libbenchmark-dev",
        targets = {
            ":benchmark": ["benchmark", "pthread"],
            ":benchmark_main": ["benchmark_main", "benchmark", "pthread"],
        },
    )
    system_repository(
        name = "com_google_protobuf",
        deb = "libprotobuf-dev",
        targets = {
            ":protobuf": ["protobuf", "z", "pthread"],
            ":protobuf_lite": ["protobuf-lite", "pthread"],
        },
        build_file_tail = Label("//tools/build:protobuf.BUILD"),
        symlinks = {
            "google": "/usr/include/google",
            "protoc": "/usr/bin/protoc",
        },
    )
    system_repository(
        name = "highway",
        deb = "libhwy-dev",
        defines = ["HWY_SHARED_DEFINE"],
        targets = {":hwy": ["hwy"]},
    )
    system_repository(
        name = "com_googlesource_code_re2",
        deb = "libre2-dev",
        targets = {":re2": ["re2", "pthread"]},
    )
    system_repository(
        name = "pcre2",
        deb = "libpcre2-dev",
        targets = {":pcre2_8": ["pcre2-8", "pthread"]},
    )
    system_repository(
        name = "icu",
        deb = "libicu-dev",
        targets = {":icuuc": ["icuuc", "icudata", "dl", "pthread"]},
    )
    system_repository(
        name = "sentencepiece",
        deb = "libsentencepiece-dev",
        targets = {":sentencepiece_processor": ["sentencepiece"]},
    )
    system_repository(
        name = "zstd",
        deb = "libzstd-dev",
        targets = {":zstd": ["zstd"]},
    )
    system_repository(
        name = "openssl",
        deb = "libssl-dev",
        targets = {":crypto": ["crypto"]},
    )
    system_repository(
        name = "libpng",
        deb = "libpng-dev",
        targets = {":png": ["png", "z"]},
    )
    system_repository(
        name = "libjpeg_turbo",
        deb = "libturbojpeg0-dev",
        targets = {":turbojpeg": ["turbojpeg"]},
    )
    system_repository(
        name = "nlohmann_json",
        deb = "nlohmann-json3-dev",
        targets = {":json": []},
    )
    system_repository(
        name = "cli11",
        deb = "libcli11-dev",
        targets = {":cli11": []},
    )
