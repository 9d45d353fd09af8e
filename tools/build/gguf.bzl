"""Rules that make GGUF files, measure them and hold them against bounds.

    load("//tools/build:gguf.bzl", "gguf_convert", "gguf_quality", "gguf_quality_report",
         "gguf_quality_test", "gguf_quantize", "imatrix", "logits_base")

| rule | makes | from |
| --- | --- | --- |
| gguf_convert | NAME.gguf | a checkpoint |
| imatrix | NAME.gguf, importance data | a GGUF and a text |
| gguf_quantize | NAME.gguf, or NAME-TYPE.gguf per type, from one reading | a checkpoint or a GGUF |
| logits_base | NAME.zst, what a model predicts | a GGUF and a text |
| gguf_quality | NAME.json, figures of one file | the file, its source, a base |
| gguf_quality_test | a test: do the figures meet bounds? | a gguf_quality |
| gguf_quality_report | NAME.json, NAME.md, NAME.html | several gguf_quality |

Each file is the result of one action. The actions declare every input, need no network, read no
clock and write no absolute path, so that a cache, local or remote, gives a file back wherever
the source, options and programs are the same. They run with `--@gguf_toolchain//tools/build:threads`
threads (default 1, as Bazel runs several actions at once); the files do not depend on it, but it is
part of the command and so of the cache's key.

A checkpoint is a target with its files (a filegroup, say), all of them in the folder of config.json
or below it, or one .tar.zst, or a folder made by another rule. A GGUF is one file, or all shards of
a split set. examples/pipeline uses every rule.
"""

load("@bazel_skylib//lib:shell.bzl", "shell")
load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

# ---- Actions

def _tool(name):
    # Not "exec": that would compile the program and all below it a second time, and run it without
    # the sanitizer that a --config=asan build asks for.
    return attr.label(default = Label("//tools:" + name), executable = True, cfg = "target")

_THREADS = {"_threads": attr.label(default = Label("//tools/build:threads"))}

def _run(ctx, mnemonic, message, words, inputs, outputs):
    """One action of ctx.executable._tool; `words` are strings, and files among the inputs or outputs."""
    args = ctx.actions.args()
    args.add_all(words)
    args.add_all(["--threads", ctx.attr._threads[BuildSettingInfo].value])
    args.add_all(["--quiet", "--progress", "never"])
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        progress_message = message,
        execution_requirements = {"block-network": "1"},
    )

def _options(ctx):
    """The attribute `options`, with $(location LABEL) of `data` expanded."""
    return [ctx.expand_location(option, ctx.attr.data) for option in ctx.attr.options]

def _model_path(ctx, name, files):
    """The one word that names these files on a command line: a folder, an archive, a GGUF."""
    if len(files) == 1:
        return files[0].path
    configs = sorted([(len(f.dirname), f.dirname) for f in files if f.basename == "config.json"])
    if configs:
        folder = configs[0][1]
        for f in files:
            if f.dirname != folder and not f.dirname.startswith(folder + "/"):
                fail("{}: {} has {}, which is not below {}, the folder of config.json; files of one checkpoint must share a folder".format(ctx.label, name, f.path, folder))
        return folder
    for f in files:
        if f.extension != "gguf":
            fail("{}: {} has {} files and no config.json among them; expected a checkpoint's files, one .tar.zst, a GGUF, or the shards of one".format(ctx.label, name, len(files)))
    if not files:
        fail("{}: {} has no files".format(ctx.label, name))
    return sorted([f.path for f in files])[0]

_OPTIONS = dict(
    options = attr.string_list(doc = "More words for the command line; $(location LABEL) of `data`."),
    data = attr.label_list(allow_files = True, doc = "Files that `options` name."),
    **_THREADS
)

# ---- gguf_convert

def _add_tower(ctx, words, outputs):
    if ctx.outputs.mmproj:
        words.extend(["--mmproj", ctx.outputs.mmproj])
        outputs.append(ctx.outputs.mmproj)

def _convert_impl(ctx):
    words = ["--outtype", ctx.attr.outtype]
    outputs = [ctx.outputs.out]
    _add_tower(ctx, words, outputs)
    words += _options(ctx) + [_model_path(ctx, "src", ctx.files.src), ctx.outputs.out]
    _run(
        ctx,
        "GgufConvert",
        "Converting %s to GGUF" % ctx.attr.src.label,
        words,
        ctx.files.src + ctx.files.data,
        outputs,
    )
    return [DefaultInfo(files = depset(outputs), runfiles = ctx.runfiles(outputs))]

_gguf_convert = rule(
    implementation = _convert_impl,
    attrs = dict(
        src = attr.label(mandatory = True, allow_files = True),
        outtype = attr.string(mandatory = True),
        out = attr.output(mandatory = True),
        mmproj = attr.output(),
        _tool = _tool("convert"),
        **_OPTIONS
    ),
)

def gguf_convert(name, src, outtype = "auto", mmproj = False, **kwargs):
    """A checkpoint as NAME.gguf.

    Args:
      name: of the target.
      src: the checkpoint.
      outtype: f32, f16, bf16, q8_0, ...; auto: bf16 for a BF16 checkpoint, else f16.
      mmproj: also write the vision tower, as NAME-mmproj.gguf.
      **kwargs: options (more words for `convert`), data (files they name), and what every rule has.
    """
    _gguf_convert(
        name = name,
        src = src,
        outtype = outtype,
        out = name + ".gguf",
        mmproj = name + "-mmproj.gguf" if mmproj else None,
        **kwargs
    )

# ---- gguf_quantize

def _quantize_impl(ctx):
    words = ["--type", ",".join(ctx.attr.types), "--effort", ctx.attr.effort]
    inputs = ctx.files.src + ctx.files.data
    outputs = list(ctx.outputs.outs)
    if ctx.file.imatrix:
        words.extend(["--imatrix", ctx.file.imatrix])
        inputs.append(ctx.file.imatrix)
    for pattern, type in ctx.attr.tensor_types.items():
        words.extend(["--tensor-type", pattern + "=" + type])
    _add_tower(ctx, words, outputs)
    out = outputs[0].path
    if len(ctx.attr.types) > 1:
        out = outputs[0].dirname + "/" + ctx.label.name.split("/")[-1] + "-{type}.gguf"
    _run(
        ctx,
        "GgufQuantize",
        "Quantizing %s to %s" % (ctx.attr.src.label, ", ".join(ctx.attr.types)),
        words + _options(ctx) + [_model_path(ctx, "src", ctx.files.src), out],
        inputs,
        outputs,
    )
    return [DefaultInfo(files = depset(outputs), runfiles = ctx.runfiles(outputs))]

_gguf_quantize = rule(
    implementation = _quantize_impl,
    attrs = dict(
        src = attr.label(mandatory = True, allow_files = True),
        types = attr.string_list(mandatory = True, allow_empty = False),
        effort = attr.string(values = ["reference", "standard", "max"]),
        imatrix = attr.label(allow_single_file = True),
        tensor_types = attr.string_dict(),
        outs = attr.output_list(mandatory = True),
        mmproj = attr.output(),
        _tool = _tool("quantize"),
        **_OPTIONS
    ),
)

def gguf_quantize(
        name,
        src,
        type = None,
        types = None,
        effort = "standard",
        mmproj = False,
        **kwargs):
    """A checkpoint or GGUF in one quantized type as NAME.gguf, or in several as NAME-TYPE.gguf.

    Several types come from one reading of the source, in one action. Each file is a label of its
    own (":NAME-Q4_K_M.gguf"), all of them are ":NAME".

    Args:
      name: of the target.
      src: the checkpoint or GGUF.
      type: one type, as `quantize --type` has it; or
      types: several, in capitals and by their full names (Q4_K_M, not Q4_K).
      effort: standard; max searches longest, reference gives llama-quantize's bytes.
      mmproj: also quantize the vision tower, as NAME-mmproj.gguf.
      **kwargs: imatrix (label of importance data), tensor_types (dictionary from a regular
        expression on tensor names to a type), options (more words for `quantize`), data (files they
        name), and what every rule has.
    """
    if (type == None) == (types == None):
        fail("gguf_quantize %s: expected either type or types" % name)
    several = types != None and len(types) > 1
    all_types = types if types != None else [type]
    _gguf_quantize(
        name = name,
        src = src,
        types = all_types,
        effort = effort,
        outs = [name + ("-" + t if several else "") + ".gguf" for t in all_types],
        mmproj = name + "-mmproj.gguf" if mmproj else None,
        **kwargs
    )

# ---- imatrix, logits_base

def _on_text(model_doc, text_doc, context_doc, chunks_doc, tool):
    return dict(
        model = attr.label(mandatory = True, allow_files = True, doc = model_doc),
        text = attr.label(mandatory = True, allow_single_file = True, doc = text_doc),
        context = attr.int(default = 512, doc = context_doc),
        chunks = attr.int(doc = chunks_doc),
        _tool = _tool(tool),
        **_OPTIONS
    )

def _run_on_text(ctx, mnemonic, verb, words, extension):
    out = ctx.actions.declare_file(ctx.label.name + extension)
    words = words + ["-m", _model_path(ctx, "model", ctx.files.model), "-f", ctx.file.text]
    words.extend(["--ctx-size", str(ctx.attr.context)])
    if ctx.attr.chunks > 0:
        words.extend(["--chunks", str(ctx.attr.chunks)])
    _run(
        ctx,
        mnemonic,
        "%s %s on %s" % (verb, ctx.attr.model.label, ctx.file.text.short_path),
        words + _options(ctx) + ["--output", out],
        ctx.files.model + ctx.files.data + [ctx.file.text],
        [out],
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

def _imatrix_impl(ctx):
    words = ["--no-ppl", "--output-frequency", "0"]
    return _run_on_text(ctx, "GgufImatrix", "Measuring importance in", words, ".gguf")

imatrix = rule(
    implementation = _imatrix_impl,
    doc = "Importance data of a model on a text, as NAME.gguf. The same on all machines with the " +
          "same vector instructions, since the model is run in floating point.",
    attrs = _on_text(
        "GGUF to run, usually a gguf_convert.",
        "The text, of the kind the model will be used for.",
        "Tokens of a chunk.",
        "Chunks measured at most; 0: the whole text.",
        "imatrix",
    ),
)

def _logits_base_impl(ctx):
    return _run_on_text(ctx, "GgufLogits", "Evaluating", ["logits"], ".zst")

logits_base = rule(
    implementation = _logits_base_impl,
    doc = "What a model predicts in a text, as NAME.zst: what gguf_quality measures divergences " +
          "from. The same machines give the same file, as with imatrix.",
    attrs = _on_text(
        "GGUF to run: the unquantized model.",
        "The text; another one than importance was measured on.",
        "Tokens of a window, of which the second half counts.",
        "Windows at most; 0: the whole text.",
        "evaluate",
    ),
)

# ---- gguf_quality, gguf_quality_report, gguf_quality_test

def _quality_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".json")
    words = ["measure", "-m", _model_path(ctx, "model", ctx.files.model)]
    words.extend(["--against", _model_path(ctx, "against", ctx.files.against)])
    inputs = ctx.files.model + ctx.files.against
    if ctx.file.base:
        words.extend(["--base", ctx.file.base])
        inputs.append(ctx.file.base)
    message = "Measuring %s" % ctx.attr.model.label
    _run(ctx, "GgufQuality", message, words + ["--output", out], inputs, [out])
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

gguf_quality = rule(
    implementation = _quality_impl,
    doc = "Figures of one GGUF as NAME.json: hashes, size, the error of each tensor against its " +
          "source and, with a base, divergence and perplexity.",
    attrs = dict(
        model = attr.label(mandatory = True, allow_files = True, doc = "The GGUF."),
        against = attr.label(
            mandatory = True,
            allow_files = True,
            doc = "The checkpoint or GGUF it was made from.",
        ),
        base = attr.label(allow_single_file = True, doc = "A logits_base of the same model."),
        _tool = _tool("quality"),
        **_THREADS
    ),
)

def _report_impl(ctx):
    outputs = [ctx.actions.declare_file(ctx.label.name + "." + form) for form in ctx.attr.formats]
    words = ["report"] + ctx.files.figures
    for out in outputs:
        words.extend(["--output", out])
    _run(ctx, "GgufReport", "Reporting %s" % ctx.label, words, ctx.files.figures, outputs)
    return [DefaultInfo(files = depset(outputs), runfiles = ctx.runfiles(outputs))]

gguf_quality_report = rule(
    implementation = _report_impl,
    doc = "Several gguf_quality side by side, as NAME.json, NAME.md and NAME.html.",
    attrs = dict(
        figures = attr.label_list(mandatory = True, allow_files = [".json"], doc = "gguf_quality targets."),
        formats = attr.string_list(default = ["json", "md", "html"]),
        _tool = _tool("quality"),
        **_THREADS
    ),
)

def _quality_test_impl(ctx):
    figures = ctx.file.figures
    words = [ctx.executable._tool.short_path, "check", figures.short_path] + ctx.attr.bounds
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(
        script,
        "#!/bin/sh\nexec " + " ".join([shell.quote(word) for word in words]) + "\n",
        is_executable = True,
    )
    runfiles = ctx.runfiles([figures]).merge(ctx.attr._tool[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = script, runfiles = runfiles)]

_gguf_quality_test = rule(
    implementation = _quality_test_impl,
    test = True,
    attrs = {
        "figures": attr.label(mandatory = True, allow_single_file = [".json"]),
        "bounds": attr.string_list(mandatory = True, allow_empty = False),
        "_tool": _tool("quality"),
    },
)

# Arguments of gguf_quality_test, and `quality check`'s name for each.
_BOUNDS = {
    "max_error": "--max-error",
    "max_total_error": "--max-total-error",
    "max_kl": "--max-kl",
    "max_kl_99": "--max-kl-99",
    "max_perplexity": "--max-perplexity",
    "max_perplexity_rise": "--max-perplexity-rise",
    "min_same_top": "--min-same-top",
    "max_size": "--max-size",
}

def gguf_quality_test(name, figures, max_errors = {}, size = "small", **kwargs):
    """A test that figures meet bounds; where one is missed, its log has the figure and the bound.

    Another bound measures nothing anew. At least one bound must be given. Numbers may be strings.

    Args:
      name: of the test.
      figures: a gguf_quality.
      max_errors: dictionary from a regular expression on tensor names to the relative RMSE of those
        tensors; the last one that is found in a name counts, instead of max_error.
      size: as of any test.
      **kwargs: the bounds, and what every test has. Bounds: max_error (relative RMSE of each
        tensor), max_total_error (over all values), max_kl (mean KL divergence), max_kl_99 (its 99th
        percentile), max_perplexity, max_perplexity_rise (0.02: 2 % over the base's), min_same_top
        (0 to 1), max_size ("4.5GiB"). All from max_kl to min_same_top need a gguf_quality with a
        base.
    """
    bounds = []
    rest = {}
    for key, value in kwargs.items():
        if key not in _BOUNDS:
            rest[key] = value
        elif value != None:
            bounds += [_BOUNDS[key], str(value)]
    for pattern, value in max_errors.items():
        bounds += ["--max-error", pattern + "=" + str(value)]
    if not bounds:
        fail("gguf_quality_test %s: expected a bound, one of max_errors, %s" % (name, ", ".join(_BOUNDS.keys())))
    _gguf_quality_test(name = name, figures = figures, bounds = bounds, size = size, **rest)
