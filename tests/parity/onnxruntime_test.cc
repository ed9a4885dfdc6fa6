// ONNX Runtime computes from our ONNX files what Linnet computes: every operation on its samples,
// random networks, and the networks of bench/peers. Needs ONNX Runtime's library where
// bench/peers/prepare.sh puts it, or named by LINNET_ONNXRUNTIME; skipped where there is none.
#include "peers/onnxruntime.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "archs/arch.h"
#include "base/file.h"
#include "infer/plan.h"
#include "io/onnx.h"
#include "ops/op_runner.h"
#include "random_graph.h"
#include "test_data.h"

namespace linnet {
namespace {

// The library's path, or "".
std::string Library() {
  if (const char* named = std::getenv("LINNET_ONNXRUNTIME")) return named;
  const std::filesystem::path bin = LINNET_BUILD_DIR "/peers/node_modules/onnxruntime-node/bin";
  std::error_code none;
  for (const auto& abi : std::filesystem::directory_iterator(bin, none)) {
    const std::filesystem::path library = abi.path() / "linux/x64/libonnxruntime.so.1";
    if (std::filesystem::exists(library, none)) return library;
  }
  return "";
}

// NHWC to NCHW; what is no map stays.
template <class T>
std::vector<float> ToNchw(const T* from, const Shape& s) {
  std::vector<float> to(from, from + s.elements());
  if (s.rank() != 4) return to;
  for (int64_t n = 0; n < s.n(); ++n) {
    for (int64_t i = 0; i < s.h() * s.w(); ++i) {
      for (int64_t c = 0; c < s.c(); ++c) {
        to[(n * s.c() + c) * s.h() * s.w() + i] =
            static_cast<float>(from[(n * s.h() * s.w() + i) * s.c() + c]);
      }
    }
  }
  return to;
}

double Difference(const std::vector<float>& expected, const std::vector<float>& actual) {
  return testing::RelativeDifference<float, float>(actual, expected);
}

struct Picture {
  Shape shape;  // NHWC
  std::vector<float> numbers;
};

class SlowOnnxRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    library_ = Library();
    if (library_.empty()) {
      GTEST_SKIP() << "there is no ONNX Runtime; bench/peers/prepare.sh installs it";
    }
  }

  // The first output, NCHW.
  std::vector<float> Run(const std::string& onnx, const std::vector<Picture>& pictures) {
    const std::string path = folder_ / "network.onnx";
    WriteFileAtomic(path, onnx);
    peers::OrtSession session(library_, path, 1);
    std::vector<std::vector<float>> nchw;
    for (const Picture& p : pictures) nchw.push_back(ToNchw(p.numbers.data(), p.shape));
    for (size_t i = 0; i < pictures.size(); ++i) {
      const Shape& s = pictures[i].shape;
      session.SetInput(i, nchw[i].data(), {s.n(), s.c(), s.h(), s.w()});
    }
    session.Run();
    return session.Output();
  }

  const TemporaryFolder folder_;
  std::string library_;
};

// The sample's operation behind inputs of its own; features come out of flattened maps of one
// pixel.
struct SampleNetwork {
  Graph graph;
  ParamMap params;
  std::vector<Picture> pictures;
};
SampleNetwork NetworkOf(const Sample& sample, const Numbers& numbers) {
  SampleNetwork network;
  std::vector<Value> inputs;
  for (size_t i = 0; i < sample.in.size(); ++i) {
    const Shape& s = sample.in[i];
    const Shape map = s.rank() == 4 ? s : Shape{s[0], 1, 1, s[1]};
    const Input input = {static_cast<int>(map.h()), static_cast<int>(map.w()),
                         static_cast<int>(map.c())};
    inputs.push_back(network.graph.Emit("in" + std::to_string(i), input));
    network.pictures.push_back({map, numbers.in[i]});
  }
  for (size_t i = 0; i < sample.in.size(); ++i) {
    if (sample.in[i].rank() == 4) continue;
    inputs[i] = network.graph.Emit("flat" + std::to_string(i), Flatten{}, {inputs[i]});
  }
  network.graph.name = "sample";
  network.graph.outputs = {network.graph.Emit("op", sample.op, inputs)};
  for (size_t i = 0; i < numbers.specs.size(); ++i) {
    Tensor param(numbers.specs[i].shape);
    std::copy(numbers.params[i].begin(), numbers.params[i].end(), param.data());
    network.params["op." + numbers.specs[i].name] = param;
  }
  return network;
}

// What has no form in ONNX (io/onnx_ops.cc), what would leave nothing to run, and inputs of
// different batches, which no network has.
bool IsLeftOut(const Sample& sample) {
  for (const Shape& shape : sample.in) {
    if (shape[0] != sample.in[0][0]) return true;
  }
  const Pool* pool = std::get_if<Pool>(&sample.op);
  const Act* act = std::get_if<Act>(&sample.op);
  return std::holds_alternative<Input>(sample.op) ||
         std::holds_alternative<DeformConv2d>(sample.op) ||
         std::holds_alternative<MaxUnpool>(sample.op) ||
         std::holds_alternative<Dropout>(sample.op) ||
         std::holds_alternative<DropPath>(sample.op) ||
         (pool != nullptr && pool->ceil && pool->count_include_pad) ||
         (act != nullptr && act->kind == Activation::kIdentity);
}

TEST_F(SlowOnnxRuntime, EveryOperation) {
  for (const OpDef* def : AllOps()) {
    const std::vector<Sample> samples = def->samples();
    for (size_t i = 0; i < samples.size(); ++i) {
      const Sample& sample = samples[i];
      if (IsLeftOut(sample)) continue;
      SCOPED_TRACE(fmt::format("{} sample {}", def->name, i));
      const Numbers numbers = MakeNumbers(sample, 1 + i);
      const SampleNetwork network = NetworkOf(sample, numbers);
      const InputSize size = {.batch = sample.in[0][0]};
      const std::vector<double> expected = RunReferenceOp(sample, numbers, false);
      try {
        EXPECT_LE(Difference(ToNchw(expected.data(), numbers.out_shape),
                             Run(ToOnnx(network.graph, network.params, size), network.pictures)),
                  1e-5);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    }
  }
}

TEST_F(SlowOnnxRuntime, RandomNetworks) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = testing::RandomGraph(seed);
    if (graph.outputs[0] == 0) continue;
    const ParamMap params = testing::LivelyParams(graph, seed);
    const RefTensor<double> input = testing::RandomInput(InferShapes(graph)[0], seed);
    const RefTensor<double> expected = RunReference(graph, params, input)[0];
    EXPECT_LE(Difference(ToNchw(expected.data.data(), expected.shape),
                         Run(ToOnnx(graph, params),
                             {{input.shape, {input.data.begin(), input.data.end()}}})),
              1e-4);
  }
}

// Values of bytes are rounded here and there alike, but for a number between two bytes. Before its
// table of bytes hard_swish's input is rounded by kernels and ONNX, and not by the reference: its
// scale covers all of it, so that nothing saturates.
TEST_F(SlowOnnxRuntime, AQuantizedNetwork) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=12, width=10, channels=8)\n"
      "q = activation(image, kind=identity) : u8(scale=0.03, zero_point=128)\n"
      "a = conv2d(q, out_channels=16, kernel=3, padding=1, bias=true, act=relu6) : "
      "u8(scale=0.02, zero_point=0)\n"
      "b = conv2d(a, out_channels=16, kernel=3, padding=1, groups=16, act=hard_swish, "
      "act_scale=0.1, act_zero_point=128) : u8(scale=0.02, zero_point=19)\n"
      "s = add(a, b) : u8(scale=0.04, zero_point=10)\n"
      "g = global_pool(s) : u8(scale=0.02, zero_point=5)\n"
      "f = flatten(g) : u8(scale=0.02, zero_point=5)\n"
      "d = dense(f, out_features=10)\nreturn d\n");
  const ParamMap params = InitParams(graph, 4);
  const RefTensor<double> input = testing::RandomInput(InferShapes(graph)[0], 5);
  const RefTensor<double> expected = RunReference(graph, params, input)[0];
  EXPECT_LE(Difference(ToNchw(expected.data.data(), expected.shape),
                       Run(ToOnnx(graph, params),
                           {{input.shape, {input.data.begin(), input.data.end()}}})),
            2e-2);
}

class SlowOnnxRuntimeNetwork : public SlowOnnxRuntime,
                               public ::testing::WithParamInterface<const char*> {};

TEST_P(SlowOnnxRuntimeNetwork, AgreesWithThePlan) {
  const Graph graph = BuildArch(ParseArchSpec(GetParam()));
  const ParamMap params = testing::LivelyParams(graph, 7);
  const RefTensor<double> noise = testing::RandomInput(InferShapes(graph)[0], 8);
  const Picture picture = {noise.shape, {noise.data.begin(), noise.data.end()}};
  const auto plan = Compile(graph, params);
  plan->Run(picture.numbers.data(), {}, nullptr);
  const Tensor& output = plan->output(0);
  const std::vector<float> logits(output.data(), output.data() + output.elements());
  const double difference = Difference(logits, Run(ToOnnx(graph, params), {picture}));
  RecordProperty("difference", fmt::format("{:.2g}", difference));
  EXPECT_LE(difference, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Networks, SlowOnnxRuntimeNetwork,
                         ::testing::Values("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large",
                                           "mobilenet_v3_small", "mnasnet_b1", "shufflenet_v2",
                                           "squeezenet1_1", "efficientnet_b0", "densenet121",
                                           "resnet50", "googlenet", "googlenet_torchvision"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace linnet
