"""The page of `benchmark` in a browser: plots are there, nothing overlaps, is cut off or asked from
elsewhere, on wide and narrow screens, in light and dark mode."""

import json
import os
import unittest

import browser
import harness

WIDTHS = (1280, 390)

# Pairs of texts in one drawing that lie over each other, and texts that stick out of it. Texts may
# touch: a line of text is higher than its letters.
OVERLAPS = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const outer = svg.getBoundingClientRect();
    if (outer.width === 0) continue;
    const texts = [...svg.querySelectorAll('text')].map(
        text => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([name, a], i) => {
      if (a.left < outer.left - 1 || a.right > outer.right + 1 || a.top < outer.top - 1 ||
          a.bottom > outer.bottom + 1) found.push(name + ' is cut off');
      for (const [other, b] of texts.slice(i + 1)) {
        if (a.left + 2 < b.right && b.left + 2 < a.right && a.top + 4 < b.bottom &&
            b.top + 4 < a.bottom) found.push(name + ' over ' + other);
      }
    });
  }
  return found;
})()
"""


def runs(median):
    return {"values": [median, 0.9 * median, 1.2 * median], "median": median,
            "least": 0.9 * median, "most": 1.2 * median}


def model(name, gibibytes, kld):
    """A model of 32 layers whose figures follow from its size."""
    result = {"name": name, "file_bytes": gibibytes * 2**30, "bits_per_weight": gibibytes,
              "peak_bytes": (gibibytes + 0.4) * 2**30, "load_seconds": runs(1.5),
              "prompt_tokens_per_second": runs(150 / gibibytes),
              "tokens_per_second": runs(40 / gibibytes), "first_token_seconds": runs(gibibytes),
              "choice": {"tasks": 300, "accuracy": 0.7 - kld, "accuracy_stderr": 0.02}}
    if not kld:
        return dict(result, is_base=True,
                    perplexity={"perplexity": 6.2, "perplexity_stderr": 0.04})
    names = [f"blk.{layer}.{role}.weight" for layer in range(32) for role in (
        "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")]
    result["tensors"] = [
        {"name": matrix, "type": "Q4_K",
         "error": {"relative_rmse": kld * (1 + index % 7 + index / 100) / 2}}
        for index, matrix in enumerate(names + ["token_embd.weight", "output.weight"])]
    result["error"] = {"relative_rmse": kld}
    result["divergence"] = {"mean_kld": kld, "mean_kld_stderr": kld / 30, "top1_agreement": 0.99,
                            "perplexity": 6.2 + kld, "perplexity_stderr": 0.04}
    return result


MODELS = [("F16", 15.0, 0), ("Q8_0", 8.0, 0.0012), ("Q6_K", 6.1, 0.004), ("Q5_K_M", 5.3, 0.011),
          ("Q5_K_S", 5.2, 0.013), ("Q5_0", 5.2, 0.019), ("Q4_K_M", 4.6, 0.031),
          ("Q4_K_S", 4.4, 0.037), ("Q4_0", 4.35, 0.062), ("IQ4_XS", 4.2, 0.036),
          ("Q3_K_M", 3.7, 0.1), ("IQ3_M of-a-rather-long-name", 3.5, 0.09), ("Q2_K", 3.0, 0.4)]


@unittest.skipUnless(browser.PROGRAM, "there is no chromium; tools/build/install_packages.sh")
class Page(harness.ProgramTest):

    def setUp(self):
        super().setUp()
        report = {"schema_version": 1, "version": "1", "model": "A model <of> 8B", "base": "F16",
                  "text": "a/rather/long/path/to/the/text/that/was/measured/with.txt",
                  "machine": "Some Processor (R) 9000", "threads": 8, "repetitions": 3,
                  "context": 512, "prompt_tokens": 512, "generated_tokens": 64, "seconds": 4000,
                  "models": [model(*figures) for figures in MODELS],
                  "warnings": ["something was not quite right"]}
        with open(self.path("r.json"), "w", encoding="utf-8") as file:
            json.dump(report, file)
        self.succeed("benchmark", "--from", "r.json", "-o", "r.html")

    def test_wide_and_narrow_light_and_dark(self):
        folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR", self.folder)
        papers = set()
        with browser.Browser() as page:
            for width in WIDTHS:
                for is_dark in (False, True):
                    with self.subTest(width=width, is_dark=is_dark):
                        page.open(self.path("r.html"), width, is_dark)
                        self.assertEqual([], page.complaints())
                        self.assertEqual(width, page.value("document.documentElement.scrollWidth"))
                        self.assertEqual([], page.value(OVERLAPS))
                        self.check_plots(page)
                        papers.add(page.value("getComputedStyle(document.body).backgroundColor"))
                        picture = os.path.join(
                            folder, f"benchmark-{width}-{'dark' if is_dark else 'light'}.png")
                        page.picture(picture)
                        self.assertGreater(os.path.getsize(picture), 50000)
        self.assertEqual(2, len(papers))

    def check_plots(self, page):
        def count(selector):  # of what is seen
            return page.value(f"[...document.querySelectorAll('{selector}')].filter("
                              "shape => shape.getBoundingClientRect().width > 0).length")
        self.assertEqual(len(MODELS) - 1, count("#quality circle.point"))
        self.assertGreater(count("#quality circle.behind"), 2)
        self.assertEqual(1, count("#quality polyline.front"))
        self.assertEqual(4 * len(MODELS), count("#speed rect"))
        self.assertEqual(len(MODELS) - 1, count("#errors svg.map"))
        self.assertEqual((len(MODELS) - 1) * (32 * 7 + 2), count("#errors svg.map rect"))
        self.assertGreaterEqual(page.value(  # of letters, as they are shown
            "Math.min(...[...document.querySelectorAll('svg text')].map(text => {"
            "  const svg = text.ownerSVGElement, width = svg.getBoundingClientRect().width;"
            "  return width === 0 ? 99 : parseFloat(getComputedStyle(text).fontSize) * width /"
            "         svg.viewBox.baseVal.width; }))"), 10)


if __name__ == "__main__":
    harness.main()
