// From a trained file to a quantized one, as a whole.
#include "compress/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "data/encode.h"
#include "io/model_file.h"
#include "test_data.h"
#include "train/tiny_data.h"
#include "train/train.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

// The pictures of tiny_data.h as a folder: 240 to train, 60 to test.
const std::string& Data() {
  static const std::string folder = [] {
    const std::string data = FreshFolder("bright_squares");
    for (const auto& [split, count] : {std::pair("train", 60), std::pair("test", 15)}) {
      for (int label = 0; label < 4; ++label) {
        const std::string where = fmt::format("{}/{}/{}", data, split, "abcd"[label]);
        std::filesystem::create_directories(where);
        for (int i = 0; i < count; ++i) {
          const uint64_t number = static_cast<uint64_t>(i) + (count == 15 ? 1'000'000 : 0);
          WriteFileAtomic(fmt::format("{}/{}.png", where, i), EncodePng(TinyImage(label, number)));
        }
      }
    }
    return data;
  }();
  return folder;
}

// Trained for a moment: its values and statistics are those of a trained network.
constexpr char kGraph[] = R"(linnet-graph 1
image = input(height=12, width=12)
stem = conv2d(image, out_channels=16, kernel=3, padding=1)
bn1 = batch_norm(stem)
act1 = activation(bn1, kind=relu6)
dw = conv2d(act1, out_channels=16, kernel=3, stride=2, padding=1, groups=16)
bn2 = batch_norm(dw)
act2 = activation(bn2, kind=hard_swish)
pw = conv2d(act2, out_channels=24)
bn3 = batch_norm(pw)
act3 = activation(bn3)
flat = flatten(act3)
fc = dense(flat, out_features=4)
return fc
)";

Model TrainOn(const char* graph) {
  TrainJob job;
  job.graph = GraphFromText(graph);
  job.pipeline.size = {kTinySide, kTinySide};
  job.pipeline.crop_pct = 1;
  job.augment.flip = 0;
  job.augment.pad = 1;
  job.options.epochs = 4;
  job.options.lr = 0.05f;
  job.options.ema = 0;  // too few steps for an average
  job.options.batch = 16;
  job.options.threads = 1;
  job.validation = Validation::kNever;
  job.images = std::make_shared<ImageCache>(std::make_shared<Dataset>(OpenDataset(Data())));
  const TrainResult trained = Train(job, {});
  return {.graph = job.graph,
          .params = trained.params,
          .pipeline = job.pipeline,
          .labels = job.images->dataset().classes,
          .record = R"({"epochs":4})"};
}

const Model& TrainedModel() {
  static const Model model = TrainOn(kGraph);
  return model;
}

class CompressTest : public ::testing::Test {
 protected:
  CompressTest() { SaveModel(Path("float.safetensors"), TrainedModel()); }

  std::string Path(const char* name) const { return folder_ / name; }
  CompressOptions Options() const {
    CompressOptions options;
    options.model = Path("float.safetensors");
    options.data = Data();
    options.out = Path("int8.safetensors");
    options.int8 = true;
    options.pictures = 64;
    options.threads = 1;
    options.max_drop = 10;  // 60 test pictures: six of them
    return options;
  }

  const TemporaryFolder folder_;
};

TEST_F(CompressTest, WritesAFileThatIsSmallerAndAsGood) {
  const CompressResult result = Compress(Options(), {});
  EXPECT_EQ(result.file, Path("int8.safetensors"));
  EXPECT_LE(result.drop, 10);
  EXPECT_GT(result.before.top1, 0.9);
  EXPECT_EQ(result.layers, 4);
  EXPECT_TRUE(result.float_layers.empty());
  EXPECT_LT(result.answer_error, 0.02);
  EXPECT_LT(result.after.bytes, result.before.bytes / 2);
  EXPECT_GT(result.after.median_ms, 0);
  const Model written = LoadModel(result.file);
  EXPECT_EQ(result.after.bytes, static_cast<int64_t>(std::filesystem::file_size(result.file)));
  EXPECT_TRUE(IsQuantized(written.graph));
  EXPECT_EQ(written.labels, TrainedModel().labels);
  EXPECT_EQ(written.pipeline, TrainedModel().pipeline);
  const auto record = nlohmann::json::parse(written.record);
  EXPECT_EQ(record["epochs"], 4);
  EXPECT_EQ(record["compress"]["precision"], "int8");
  EXPECT_FALSE(std::filesystem::exists(result.file + ".trial"));
}

TEST_F(CompressTest, TheSameFileEachTime) {
  CompressOptions options = Options();
  options.calibration = CalibrationChoice::kMse;
  options.equalize = EqualizeChoice::kOff;
  Compress(options, {});
  const std::string first = ReadFile(options.out);
  options.threads = 2;
  Compress(options, {});
  EXPECT_EQ(ReadFile(options.out), first);
}

TEST_F(CompressTest, LayersStayFloatWhenAsked) {
  CompressOptions options = Options();
  options.float_layers = {"dw", "dw"};
  const CompressResult result = Compress(options, {});
  ASSERT_EQ(result.float_layers.size(), 1u);
  const Model written = LoadModel(result.file);
  EXPECT_EQ(written.params.at("dw.weight").dtype(), DType::kF32);
  EXPECT_EQ(written.params.at("pw.weight").dtype(), DType::kI8);
}

ErrorKind KindOf(const CompressOptions& options, std::string& message) {
  try {
    Compress(options, {});
  } catch (const Error& error) {
    message = error.what();
    return error.kind();
  }
  return static_cast<ErrorKind>(0);
}

TEST_F(CompressTest, SaysWhatIsWrong) {
  std::string message;
  CompressOptions options = Options();
  options.int8 = false;
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("--int8"));
  options = Options();
  options.float_layers = {"no_such_layer"};
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("no_such_layer"));
  options.float_layers =
      QuantizableLayers(PrepareForQuantization(TrainedModel().graph, TrainedModel().params));
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("names all 4 layers"));
  options = Options();
  options.max_drop = -1;
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  options = Options();
  options.model = Path("none.safetensors");
  EXPECT_EQ(KindOf(options, message), ErrorKind::kFile);
  options = Options();
  options.out = options.model;
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("is the model itself"));
  std::filesystem::copy(Path("float.safetensors"), Path("x.trial"));
  options.model = Path("x.trial");
  options.out = Path("x");
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("x.trial is the model itself"));
  options = Options();
  options.out = Path("none/x.safetensors");
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  options = Options();
  Compress(options, {});
  options.model = options.out;
  EXPECT_EQ(KindOf(options, message), ErrorKind::kUsage);
  EXPECT_THAT(message, HasSubstr("quantized already"));
}

}  // namespace
}  // namespace linnet
