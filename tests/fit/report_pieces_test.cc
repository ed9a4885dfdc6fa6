// What the report is made of: text, numbers, pictures, scales.
#include <gtest/gtest.h>
#include <png.h>

#include "base/file.h"
#include "fit/report_chart.h"
#include "fit/report_html.h"
#include "fit/report_image.h"

namespace linnet {
namespace {

TEST(ReportHtml, Escape) {
  EXPECT_EQ(report::Escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(report::Escape("Müller 猫 🐦"), "Müller 猫 🐦");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(report::Escape(std::string("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(report::Escape("\xff"), bad);
  EXPECT_EQ(report::Escape("\xc3"), bad);            // cut off
  EXPECT_EQ(report::Escape("\xc0\xbc"), bad + bad);  // '<' in two bytes
  EXPECT_EQ(report::Escape("\xe0\x80\xbc"), bad + bad + bad);
  EXPECT_EQ(report::Escape("\xed\xa0\x80"), bad + bad + bad);  // surrogate
  EXPECT_EQ(report::Escape("gpj.\u202Eexe"), "gpj." + bad + "exe");
}

TEST(ReportHtml, Shorten) {
  EXPECT_EQ(report::Shorten("abc", 3), "abc");
  EXPECT_EQ(report::Shorten("abcd", 3), "ab…");
  EXPECT_EQ(report::Shorten("äöüß", 3), "äö…");
  EXPECT_EQ(report::Shorten("", 3), "");
}

TEST(ReportHtml, Numbers) {
  EXPECT_EQ(report::Milliseconds(0.8424), "0.842\u00A0ms");
  EXPECT_EQ(report::Milliseconds(12.345), "12.3\u00A0ms");
  EXPECT_EQ(report::Milliseconds(kUnknown), "–");
  EXPECT_EQ(report::WithoutZeros("2.00\u00A0ms"), "2\u00A0ms");
  EXPECT_EQ(report::WithoutZeros("0.250\u00A0ms"), "0.25\u00A0ms");
  EXPECT_EQ(report::WithoutZeros("100\u00A0kB"), "100\u00A0kB");
  EXPECT_EQ(report::WithoutZeros("–"), "–");
  EXPECT_EQ(report::Bytes(999), "999\u00A0B");
  EXPECT_EQ(report::Bytes(1240000), "1.24\u00A0MB");
  EXPECT_EQ(report::Bytes(999999), "1.00\u00A0MB");
  EXPECT_EQ(report::Bytes(0), "–");
  EXPECT_EQ(report::Grouped(1331592), "1,331,592");
  EXPECT_EQ(report::Grouped(-1331), "-1,331");
  EXPECT_EQ(report::Grouped(999), "999");
  EXPECT_EQ(report::Rounded(1331592), "1.33\u00A0M");
  EXPECT_EQ(report::Percent(0.8734), "87.3\u00A0%");
}

TEST(ReportImage, Base64) {
  const auto encode = [](const std::string& text) { return report::Base64(AsBytes(text)); };
  EXPECT_EQ(encode(""), "");  // RFC 4648, section 10
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
}

std::vector<uint8_t> FromBase64(const std::string& text) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> have));
  }
  return bytes;
}

TEST(ReportImage, PngHoldsThePixels) {
  const int width = 5, height = 3;
  std::vector<uint8_t> rgb;
  for (int i = 0; i < width * height * 3; ++i) rgb.push_back(static_cast<uint8_t>(i * 37));
  const std::string uri = report::PngUri(width, height, rgb);
  const std::string head = "data:image/png;base64,";
  ASSERT_EQ(uri.substr(0, head.size()), head);
  const std::vector<uint8_t> file = FromBase64(uri.substr(head.size()));
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&image, file.data(), file.size()), 0);
  EXPECT_EQ(image.width, 5u);
  EXPECT_EQ(image.height, 3u);
  image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> read(PNG_IMAGE_SIZE(image));
  ASSERT_NE(png_image_finish_read(&image, nullptr, read.data(), 0, nullptr), 0);
  EXPECT_EQ(read, rgb);
}

TEST(ReportImage, WrongSizesGiveNoPicture) {
  const std::vector<uint8_t> rgb(12);
  EXPECT_NE(report::PngUri(2, 2, rgb), "");
  EXPECT_EQ(report::PngUri(2, 3, rgb), "");
  EXPECT_EQ(report::PngUri(0, 0, {}), "");
  EXPECT_EQ(report::PngUri(-2, -2, rgb), "");
  EXPECT_EQ(report::PngUri(1 << 30, 1 << 30, rgb), "");
}

TEST(ReportChart, ScalesHoldTheirValues) {
  const double values[][2] = {{0, 1},        {3, 3},           {0, 0},      {-2, 5},
                              {1e-12, 1e12}, {1e15, 1e15 + 1}, {0.31, 2.9}, {1e-300, 1e29}};
  for (const auto& [low, high] : values) {
    for (const auto kind :
         {report::ScaleKind::kLinear, report::ScaleKind::kLog, report::ScaleKind::kLogIfWide}) {
      const report::Scale scale = report::FitScale({low, high, kUnknown}, kind, 100, 500, 5);
      EXPECT_LE(scale.ticks.size(), 14u);
      for (const double v : {low, high}) {
        if (!report::Drawable(scale, v)) continue;
        EXPECT_GE(scale(v), 100);
        EXPECT_LE(scale(v), 500);
      }
      for (size_t i = 1; i < scale.ticks.size(); ++i) {
        EXPECT_LT(scale.ticks[i - 1], scale.ticks[i]);
      }
    }
  }
}

}  // namespace
}  // namespace linnet
