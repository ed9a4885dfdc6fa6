// Operations against PyTorch, forward and all gradients, on random cases (ops_torch.py).
#include <gtest/gtest.h>

#include "ops/op_runner.h"
#include "parity/python_script.h"

namespace linnet {
namespace {

Floats ValuesOf(const TensorFile& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) {
    ADD_FAILURE() << "the script wrote no " << name;
    return {};
  }
  const Tensor& tensor = found->second;
  return Floats(tensor.data(), tensor.data() + tensor.elements());
}

Sample SampleOf(const TensorFile& file, const std::string& name, const std::string& graph) {
  const Node node = GraphFromText(graph).nodes.back();
  Sample sample = {node.op, {}};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    sample.in.push_back(file.tensors.at(name + ".in" + std::to_string(i)).shape());
  }
  return sample;
}

Numbers NumbersOf(const TensorFile& file, const std::string& name, const Sample& sample) {
  Numbers numbers;
  numbers.specs = DefOf(sample.op).params(sample.op, sample.in);
  numbers.out_shape = DefOf(sample.op).infer(sample.op, sample.in);
  for (size_t i = 0; i < sample.in.size(); ++i) {
    numbers.in.push_back(ValuesOf(file, name + ".in" + std::to_string(i)));
  }
  for (const ParamSpec& spec : numbers.specs) {
    EXPECT_EQ(spec.shape, file.tensors.at(name + "." + spec.name).shape());
    numbers.params.push_back(ValuesOf(file, name + "." + spec.name));
  }
  numbers.dout = ValuesOf(file, name + ".dout");
  return numbers;
}

void ExpectClose(const TensorFile& file, const std::string& name, const Floats& actual) {
  const Floats expected = ValuesOf(file, name);
  ASSERT_EQ(actual.size(), expected.size()) << name;
  float largest = 1e-3f;
  for (const float x : expected) largest = std::max(largest, std::abs(x));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-4f * largest) << name << ", element " << i;
  }
}

class SlowOpsParity : public testing::TestWithParam<const char*> {};

TEST_P(SlowOpsParity, IsPyTorchs) {
  if (!PythonHas("torchvision")) {
    GTEST_SKIP() << "python3 has no torchvision (Debian: python3-torchvision)";
  }
  const TensorFile file = FromPython("ops_torch.py", GetParam());
  EXPECT_FALSE(file.metadata.empty());
  for (const auto& [name, graph] : file.metadata) {
    SCOPED_TRACE(graph);
    const Sample sample = SampleOf(file, name, graph);
    const Numbers numbers = NumbersOf(file, name, sample);
    EXPECT_EQ(numbers.out_shape, file.tensors.at(name + ".out").shape());
    const Outcome outcome = RunOp(sample, numbers, {.training = true});
    ExpectClose(file, name + ".out", outcome.out);
    for (size_t i = 0; i < outcome.din.size(); ++i) {
      ExpectClose(file, name + ".din" + std::to_string(i), outcome.din[i]);
    }
    for (size_t i = 0; i < outcome.dparams.size(); ++i) {
      ExpectClose(file, name + ".d" + numbers.specs[i].name, outcome.dparams[i]);
    }
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, SlowOpsParity,
                         testing::Values("deform_conv2d", "conv_transpose2d", "resize"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace linnet
