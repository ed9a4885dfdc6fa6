"""The README shows the code of examples/classify.cc as it is compiled, and links that exist."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ReadmeTest(unittest.TestCase):
    def test_example_is_the_compiled_one(self):
        source = (ROOT / "examples/classify.cc").read_text()
        code = source.split("// --8<--\n")[1].split("// -->8--")[0]
        self.assertIn(code, (ROOT / "README.md").read_text())

    def test_links_lead_somewhere(self):
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/**/*.md")]:
            for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    unittest.main()
