"""The law of layers: scripts/layers.py passes a good tree and names each breach of a bad one."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))
import layers  # noqa: E402


def run(root):
    words = io.StringIO()
    with contextlib.redirect_stdout(words):
        code = layers.main([str(root)])
    return code, words.getvalue()


class LayersTest(unittest.TestCase):
    def judge(self, files):
        """Exit code and words for a tree of {path: text}."""
        with tempfile.TemporaryDirectory() as root:
            (pathlib.Path(root) / "src").mkdir()
            for name, text in files.items():
                path = pathlib.Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return run(root)

    def assert_kept(self, files):
        code, words = self.judge(files)
        self.assertEqual(code, 0, words)

    def assert_broken(self, files, *expected):
        code, words = self.judge(files)
        self.assertEqual(code, 1, words)
        for piece in expected:
            self.assertIn(piece, words)

    def test_this_tree(self):
        code, words = run(ROOT)
        self.assertEqual(code, 0, words)

    def test_good_tree(self):
        self.assert_kept({
            "src/base/error.h": "#include <string>\n",
            "src/kernels/a.cc": '#include "kernels/a.h"\n#include <hwy/highway.h>\n',
            "src/ops/conv.cc": '#include "kernels/a.h"\n#include "graph/op.h"\n',
            "src/fit/fit.cc": '#include "train/sgd.h"\n#include "base/error.h"\n',
            "src/api/api.cc": '#include <linnet/linnet.hpp>\n#include "fit/fit.h"\n',
            "src/apps/main.cc": "#include <linnet/linnet.hpp>\n#include <CLI/CLI.hpp>\n",
            "include/linnet/linnet.hpp": "#include <linnet/linnet.h>\n#include <vector>\n",
            "examples/classify.cc": "#include <linnet/linnet.hpp>\n",
        })

    def test_upward(self):
        self.assert_broken({"src/base/a.h": '\n#include "graph/op.h"\n'}, "src/base/a.h:2",
                           '"graph/op.h"', "no other folder of src/")

    def test_sideways(self):
        self.assert_broken({"src/graph/a.h": '#include "kernels/a.h"\n'}, "src/graph/a.h:1")
        self.assert_broken({"src/archs/a.cc": '#include "cost/cost.h"\n'}, "src/archs/a.cc:1")
        self.assert_broken({"src/io/a.cc": '#  include <train/a.h>\n'}, "src/io/a.cc:1")

    def test_apps_see_only_public_headers(self):
        self.assert_broken({"src/apps/main.cc": '#include "base/error.h"\n'}, "src/apps/main.cc:1")

    def test_inside_does_not_see_public_headers(self):
        self.assert_broken({"src/ops/a.cc": "#include <linnet/linnet.hpp>\n"}, "src/ops/a.cc:1")

    def test_public_headers_stand_alone(self):
        self.assert_broken({"include/linnet/linnet.hpp": '#include "base/tensor.h"\n'},
                           "include/linnet/linnet.hpp:1")
        self.assert_broken({"include/linnet/linnet.hpp": "#include <base/tensor.h>\n"},
                           "include/linnet/linnet.hpp:1")
        self.assert_broken({"examples/a.cc": '#include "io/model.h"\n'}, "examples/a.cc:1")

    def test_unknown_folder_and_relative_path(self):
        self.assert_broken({"src/utils/a.h": ""}, "src/utils/a.h", "not in a folder of the house")
        self.assert_broken({"src/a.h": ""}, "src/a.h")
        self.assert_broken({"src/base/a.h": '#include "error.h"\n'}, "src/base/a.h:1",
                           "path from src/")


if __name__ == "__main__":
    unittest.main()
