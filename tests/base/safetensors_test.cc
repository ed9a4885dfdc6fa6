#include "base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "test_data.h"

namespace linnet {
namespace {

TensorFile FromString(const std::string& bytes) { return TensorsFromBytes(AsBytes(bytes), "test"); }

// A file with this JSON and 'data' zero bytes of tensors.
std::string FileOf(const std::string& json, size_t data) {
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + json + std::string(data, '\0');
}

TensorMap SomeTensors() {
  TensorMap tensors;
  Rng rng(3);
  Tensor a(Shape{3, 2, 2, 5});
  for (int64_t i = 0; i < a.elements(); ++i) a.data()[i] = rng.Normal();
  Tensor bytes(Shape{7}, DType::kU8), scalar(Shape{}, DType::kI64), none(Shape{0, 3});
  bytes.data<uint8_t>()[6] = 200;
  scalar.data<int64_t>()[0] = -5;
  return {{"z.weight", a}, {"a \"quoted\"\n", bytes}, {"step", scalar}, {"none", none}};
}

TEST(Safetensors, RoundTrip) {
  const TensorMap tensors = SomeTensors();
  const Metadata metadata = {{"text", "two\nlines, \xc3\xa9"}, {"", "empty key"}};
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  SaveTensors(path, tensors, metadata);
  const TensorFile file = LoadTensors(path);
  EXPECT_TRUE(file.verified);
  EXPECT_EQ(file.metadata, metadata);
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const Tensor& read = file.tensors.at(name);
    EXPECT_EQ(read.shape(), tensor.shape()) << name;
    EXPECT_EQ(read.dtype(), tensor.dtype()) << name;
    EXPECT_EQ(std::memcmp(read.data<char>(), tensor.data<char>(), tensor.bytes()), 0) << name;
  }
  const std::string bytes = ReadFile(path);
  EXPECT_EQ(bytes, TensorsToBytes(tensors, metadata));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ((8 + length) % 64, 0u);
}

TEST(Safetensors, ReadsAFileOfAnotherTool) {
  const TensorFile file = FromString(
      FileOf(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BOOL",)"
             R"("shape":[],"data_offsets":[8,9]}})",
             9));
  EXPECT_FALSE(file.verified);
  EXPECT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors.at("x").shape().ToString(), "[2]");
}

TEST(Safetensors, WritingRefusesWhatCannotBeRead) {
  EXPECT_THROW(TensorsToBytes({{"__metadata__", Tensor(Shape{1})}}), Error);
  EXPECT_THROW(TensorsToBytes({{"\xff", Tensor(Shape{1})}}), Error);
  EXPECT_THROW(TensorsToBytes({}, {{kChecksumKey, "x"}}), Error);
}

struct Hostile {
  const char* json;
  size_t data;
  const char* message;
};

TEST(Safetensors, RefusesHostileHeaders) {
  const Hostile cases[] = {
      {"", 0, "does not begin"},
      {"[]", 0, "does not begin"},
      {"{", 0, "expected JSON"},
      {"{} x", 0, "expected JSON"},
      {"{\"a\xff\":1}", 0, "expected JSON"},
      {R"({"x":1})", 0, "a number in the wrong place"},
      {R"({"x":null})", 0, "null"},
      {R"({"x":"y"})", 0, "text in the wrong place"},
      {R"({"x":[]})", 0, "a list in the wrong place"},
      {R"({"x":{}})", 0, "without dtype"},
      {R"({"x":{"y":{}}})", 0, "unknown field"},
      {R"({"x":{"shape":{}}})", 0, "an object where"},
      {R"({"x":{"shape":[[1]]}})", 0, "a list in the wrong place"},
      {R"({"x":{"shape":[{}]}})", 0, "an object where"},
      {R"({"x":{"dtype":"F32","dtype":"F32"}})", 0, "this field twice"},
      {R"({"x":{"dtype":"Q7"}})", 0, "not supported"},
      {R"({"__metadata__":{"a":1}})", 0, "a number in the wrong place"},
      {R"({"__metadata__":{"a":"1","a":"2"}})", 0, "this metadata twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "this name twice"},
      {R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "a negative number"},
      {R"({"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "not an integer"},
      {R"({"x":{"dtype":"F32","shape":[1e30],"data_offsets":[0,4]}})", 4, "not an integer"},
      {R"({"x":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4,
       "not an integer"},
      {R"({"x":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", 4,
       "too large"},
      {R"({"x":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,0]}})", 0,
       "does not fit"},
      {R"({"x":{"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[0,4]}})", 4, "more than four"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 8, "more than two"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "without dtype"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "does not fit"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}})", 4,
       "does not fit"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3, "truncated"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, "too long"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "starts at byte 4"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       12, "starts at byte 4"},
      {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "this name twice"},
  };
  for (const Hostile& hostile : cases) {
    try {
      FromString(FileOf(hostile.json, hostile.data));
      ADD_FAILURE() << "accepted: " << hostile.json;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFile) << hostile.json;
      EXPECT_THAT(error.what(), testing::StartsWith("test: "));
      EXPECT_THAT(error.what(), testing::HasSubstr(hostile.message)) << hostile.json;
    }
  }
  EXPECT_THROW(FromString("1234567"), Error);
  EXPECT_THROW(FromString(std::string(8, '\xff')), Error);
  const std::string nested(50'000'000, '[');
  EXPECT_THROW(FromString(FileOf("{\"x\":" + nested, 0)), Error);
}

// Any one flipped bit is noticed, or makes no difference; so is any truncation.
TEST(Safetensors, NoticesEveryFlippedBit) {
  const TensorMap tensors = SomeTensors();
  const Metadata metadata = {{"graph", "conv 3"}};
  const std::string good = TensorsToBytes(tensors, metadata);
  size_t accepted = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    try {
      TensorFile file = FromString(bad);
      ++accepted;
      if (file.verified) {
        EXPECT_EQ(TensorsToBytes(file.tensors, file.metadata), good) << "bit " << bit;
      } else {  // the flip hit the checksum's own key: everything else is as it was
        std::erase_if(file.metadata, [](const auto& item) { return item.first != "graph"; });
        EXPECT_EQ(TensorsToBytes(file.tensors, file.metadata), good) << "bit " << bit;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFile);
    }
  }
  EXPECT_LE(accepted, 8 * std::strlen(kChecksumKey));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(FromString(good.substr(0, size)), Error) << size;
  }
}

}  // namespace
}  // namespace linnet
