#include "base/units.h"

#include <gtest/gtest.h>

#include "base/fields.h"

namespace linnet {
namespace {

template <class T>
T Parse(std::string_view text) {
  T value{};
  EXPECT_TRUE(FieldFromText(text, value)) << text;
  return value;
}

TEST(Units, Read) {
  EXPECT_DOUBLE_EQ(Parse<Duration>("0.3ms").seconds, 0.0003);
  EXPECT_DOUBLE_EQ(Parse<Duration>("0.3 ms").seconds, 0.0003);
  EXPECT_DOUBLE_EQ(Parse<Duration>("10min").seconds, 600);
  EXPECT_DOUBLE_EQ(Parse<Duration>("0").seconds, 0);
  EXPECT_EQ(Parse<ByteSize>("500KB").bytes, 500'000);
  EXPECT_EQ(Parse<ByteSize>("500kb").bytes, 500'000);
  EXPECT_EQ(Parse<ByteSize>("2MiB").bytes, 2 << 20);
  EXPECT_EQ(Parse<ByteSize>("77").bytes, 77);
  EXPECT_EQ(Parse<Count>("600M").value, 600'000'000);
  EXPECT_EQ(Parse<Count>("1.5G").value, 1'500'000'000);
  EXPECT_EQ(Parse<Count>("1000").value, 1000);
}

TEST(Units, RefuseWhatIsNoQuantity) {
  Duration duration{7};
  for (const char* text : {"", "ms", "-1ms", "3", "3 parsecs", "1e999s", "nan", "inf", "1ms2"}) {
    EXPECT_FALSE(FieldFromText(text, duration)) << text;
  }
  EXPECT_EQ(duration.seconds, 7);
  ByteSize size{7};
  for (const char* text : {"", "KB", "-1", "5 ms", "1e30"}) {
    EXPECT_FALSE(FieldFromText(text, size)) << text;
  }
  EXPECT_EQ(size.bytes, 7);
}

TEST(Units, ReadBackWhatTheyWrite) {
  for (const double seconds : {0.0, 0.0003, 0.00123456789, 1.0, 90.5, 1e6}) {
    EXPECT_EQ(Parse<Duration>(FieldToText(Duration{seconds})).seconds, seconds);
  }
  for (int i = 1; i < 1000; ++i) {
    const double seconds = Parse<Duration>(fmt::format("{}ms", i / 10.0)).seconds;
    EXPECT_EQ(Parse<Duration>(FieldToText(Duration{seconds})).seconds, seconds) << i;
  }
  EXPECT_EQ(Parse<ByteSize>(FieldToText(ByteSize{123456789012})).bytes, 123456789012);
  EXPECT_EQ(Parse<Count>(FieldToText(Count{4231976})).value, 4231976);
}

TEST(Units, ForPeople) {
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(CountText(999), "999");
  EXPECT_EQ(CountText(999'999), "1.00 M");
  EXPECT_EQ(CountText(4231976), "4.23 M");
  EXPECT_EQ(CountText(568740352), "569 M");
  EXPECT_EQ(BytesText(512), "512 B");
  EXPECT_EQ(BytesText(49'900), "49.9 KB");
}

struct Options {
  Duration latency;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("latency", self.latency, "most time for one picture");
  }
};

TEST(Units, AreFields) {
  Options options;
  SetField(options, "latency", "1ms", "fit");
  EXPECT_EQ(ChangedFields(options), std::vector<std::string>{"latency=1ms"});
  try {
    SetField(options, "latency", "1 kg", "fit");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "fit: latency=1 kg: expected a time such as 0.3ms, 2s or 10min");
  }
}

}  // namespace
}  // namespace linnet
