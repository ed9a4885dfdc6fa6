#include "kernels/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "base/rng.h"
#include "kernels/targets.h"
#include "test_data.h"

namespace linnet::kernels {
namespace {

// The pictures of the known answers: bytes of a linear congruential generator, which any tool can
// make.
std::vector<uint8_t> Noise(int width, int height) {
  std::vector<uint8_t> bytes(static_cast<size_t>(width) * height * 3);
  uint32_t state = 12345;
  for (uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

// Source and output stand at the end of their own allocation, so that the address sanitizer sees a
// step past them; bytes before and after the output must stay as they are.
std::vector<uint8_t> Resize(const std::vector<uint8_t>& pixels, int width, int height,
                            ResizeBox box, ResizeFilter filter, int dst_width, int dst_height) {
  const auto src = std::make_unique<uint8_t[]>(pixels.size());
  std::memcpy(src.get(), pixels.data(), pixels.size());
  const size_t size = static_cast<size_t>(dst_width) * dst_height * 3;
  std::vector<uint8_t> dst(size + 128, 0xA5);
  ResizeScratch scratch;
  ResizeRgb(src.get(), width, height, box, filter, dst.data() + 64, dst_width, dst_height, scratch);
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(dst[i], 0xA5);
    EXPECT_EQ(dst[64 + size + i], 0xA5);
  }
  return {dst.begin() + 64, dst.begin() + 64 + static_cast<int64_t>(size)};
}

// Calls f for every instruction set of this machine.
template <class F>
void ForEachTarget(F&& f) {
  for (const int64_t target : Targets()) {
    SCOPED_TRACE(TargetName(target));
    ForceTarget(target);
    f();
  }
  ForceTarget(0);
}

struct KnownAnswer {
  ResizeFilter filter;
  ResizeBox box;
  int width, height;
  std::vector<uint8_t> pixels;
};

// Image.resize of Pillow 9.4 on Noise(7, 5).
const KnownAnswer kKnown[] = {
    {ResizeFilter::kBox,
     {0, 0, 7, 5},
     3,
     2,
     {104, 143, 137, 131, 80, 166, 96, 193, 188, 123, 206, 104, 118, 150, 117, 177, 94, 178}},
    {ResizeFilter::kBox,
     {1.5, 0.25, 6.25, 4.5},
     2,
     3,
     {111, 44, 170, 111, 117, 187, 150, 166, 139, 142, 93, 170, 144, 150, 73, 110, 111, 174}},
    {ResizeFilter::kBox, {2, 1, 4, 3}, 3, 4, {39,  22,  218, 79,  1,   118, 79,  1,   118,
                                              39,  22,  218, 79,  1,   118, 79,  1,   118,
                                              117, 185, 84,  182, 147, 194, 182, 147, 194,
                                              117, 185, 84,  182, 147, 194, 182, 147, 194}},
    {ResizeFilter::kBilinear,
     {0, 0, 7, 5},
     3,
     2,
     {98, 131, 140, 124, 80, 167, 101, 166, 182, 110, 180, 118, 132, 146, 128, 144, 120, 184}},
    {ResizeFilter::kBilinear,
     {1.5, 0.25, 6.25, 4.5},
     2,
     3,
     {116, 79, 159, 113, 120, 185, 104, 134, 153, 120, 133, 175, 124, 150, 108, 142, 123, 175}},
    {ResizeFilter::kBilinear, {2, 1, 4, 3}, 3, 4, {67, 66,  190, 85,  28,  169, 111, 22,  151,
                                                   60, 76,  183, 82,  51,  161, 101, 52,  150,
                                                   89, 155, 130, 127, 128, 146, 147, 105, 171,
                                                   91, 160, 107, 146, 152, 134, 177, 141, 174}},
    {ResizeFilter::kBicubic,
     {0, 0, 7, 5},
     3,
     2,
     {96, 130, 140, 127, 69, 172, 101, 172, 185, 113, 186, 114, 127, 147, 122, 148, 118, 187}},
    {ResizeFilter::kBicubic,
     {1.5, 0.25, 6.25, 4.5},
     2,
     3,
     {118, 71, 157, 112, 120, 187, 99, 132, 159, 119, 134, 174, 127, 157, 100, 144, 118, 180}},
    {ResizeFilter::kBicubic, {2, 1, 4, 3}, 3, 4, {55, 51,  209, 72,  4,   168, 104, 6,   139,
                                                  48, 61,  199, 71,  31,  157, 91,  40,  139,
                                                  93, 169, 118, 137, 138, 144, 152, 105, 179,
                                                  92, 172, 90,  162, 165, 131, 193, 150, 188}},
    {ResizeFilter::kLanczos,
     {0, 0, 7, 5},
     3,
     2,
     {91, 132, 141, 128, 64, 174, 103, 172, 188, 116, 189, 113, 122, 147, 120, 147, 121, 188}},
    {ResizeFilter::kLanczos,
     {1.5, 0.25, 6.25, 4.5},
     2,
     3,
     {121, 65, 155, 111, 120, 188, 90, 123, 167, 119, 137, 173, 128, 165, 94, 150, 115, 183}},
    {ResizeFilter::kLanczos, {2, 1, 4, 3}, 3, 4, {53, 53,  214, 68,  0,   164, 111, 4,   139,
                                                  40, 64,  206, 70,  34,  147, 83,  41,  139,
                                                  87, 174, 117, 143, 142, 140, 140, 103, 176,
                                                  83, 175, 84,  180, 169, 134, 200, 150, 198}},
};

TEST(Resize, EqualsKnownAnswersOfPillow) {
  const auto src = Noise(7, 5);
  ForEachTarget([&] {
    for (const KnownAnswer& known : kKnown) {
      EXPECT_EQ(Resize(src, 7, 5, known.box, known.filter, known.width, known.height), known.pixels)
          << FieldToText(known.filter) << " " << known.width << "x" << known.height;
    }
  });
}

struct Case {
  int width, height;
  ResizeBox box;
  int dst_width, dst_height;
};

const Case kCases[] = {
    {1, 1, {0, 0, 1, 1}, 5, 3},
    {2, 1, {0, 0, 2, 1}, 1, 1},
    {13, 17, {0, 0, 13, 17}, 13, 5},
    {13, 17, {0, 0, 13, 17}, 4, 17},
    {33, 29, {0, 0, 33, 29}, 33, 29},
    {101, 67, {0, 0, 101, 67}, 32, 32},
    {64, 48, {3.25, 7.5, 60, 41}, 24, 31},
    {20, 31, {5, 6, 19, 30}, 61, 47},
    {250, 3, {0, 0, 250, 3}, 7, 90},
    {40, 40, {39, 39, 40, 40}, 3, 3},
    {500, 375, {62, 0, 437, 375}, 224, 224},
};

// Obvious and slow: the sums in double, but for the rounding to bytes between the passes.
double FilterValue(ResizeFilter filter, double x) {
  const double a = std::abs(x);
  const auto sinc = [](double v) { return v == 0 ? 1.0 : std::sin(M_PI * v) / (M_PI * v); };
  switch (filter) {
    case ResizeFilter::kBox:
      return x > -0.5 && x <= 0.5;
    case ResizeFilter::kBilinear:
      return a < 1 ? 1 - a : 0;
    case ResizeFilter::kBicubic:
      return a < 1   ? 1.5 * a * a * a - 2.5 * a * a + 1
             : a < 2 ? -0.5 * a * a * a + 2.5 * a * a - 4 * a + 2
                     : 0;
    case ResizeFilter::kLanczos:
      return a < 3 ? sinc(a) * sinc(a / 3) : 0;
  }
  return 0;
}

// Samples at stride 'step' from 'src'; the output is dense at the same kind of stride.
uint8_t ReferenceSample(const uint8_t* src, size_t step, int size, double begin, double end,
                        int output, ResizeFilter filter, int i) {
  const double scale = (end - begin) / output, widen = std::max(1.0, scale);
  const double support[] = {0.5, 1, 2, 3};
  const double reach = support[static_cast<int>(filter)] * widen,
               center = begin + (i + 0.5) * scale;
  double sum = 0, weights = 0;
  for (int k = std::max(0, int(center - reach + 0.5));
       k < std::min(size, int(center + reach + 0.5)); ++k) {
    const double weight = FilterValue(filter, (k + 0.5 - center) / widen);
    sum += weight * src[static_cast<size_t>(k) * step];
    weights += weight;
  }
  return static_cast<uint8_t>(std::lround(std::clamp(sum / weights, 0.0, 255.0)));
}

std::vector<uint8_t> Reference(const std::vector<uint8_t>& src, const Case& c,
                               ResizeFilter filter) {
  std::vector<uint8_t> rows(static_cast<size_t>(c.dst_width) * c.height * 3);
  for (int y = 0; y < c.height; ++y) {
    for (int x = 0; x < c.dst_width; ++x) {
      for (int k = 0; k < 3; ++k) {
        rows[(static_cast<size_t>(y) * c.dst_width + x) * 3 + k] =
            ReferenceSample(&src[static_cast<size_t>(y) * c.width * 3 + k], 3, c.width, c.box.x0,
                            c.box.x1, c.dst_width, filter, x);
      }
    }
  }
  std::vector<uint8_t> dst(static_cast<size_t>(c.dst_width) * c.dst_height * 3);
  const size_t stride = static_cast<size_t>(c.dst_width) * 3;
  for (int y = 0; y < c.dst_height; ++y) {
    for (size_t x = 0; x < stride; ++x) {
      dst[y * stride + x] =
          ReferenceSample(&rows[x], stride, c.height, c.box.y0, c.box.y1, c.dst_height, filter, y);
    }
  }
  return dst;
}

constexpr ResizeFilter kFilters[] = {ResizeFilter::kBox, ResizeFilter::kBilinear,
                                     ResizeFilter::kBicubic, ResizeFilter::kLanczos};

void ExpectWithinOne(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b,
                     const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  int worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  EXPECT_LE(worst, 1) << what;
}

std::string Name(const Case& c, ResizeFilter filter) {
  return fmt::format("{} {}x{} to {}x{}", FieldToText(filter), c.width, c.height, c.dst_width,
                     c.dst_height);
}

TEST(Resize, EqualsTheReferenceAndIsTheSameOnEveryTarget) {
  for (const Case& c : kCases) {
    const auto src = Noise(c.width, c.height);
    for (const ResizeFilter filter : kFilters) {
      const auto reference = Reference(src, c, filter);
      std::vector<uint8_t> first;
      ForEachTarget([&] {
        const auto dst = Resize(src, c.width, c.height, c.box, filter, c.dst_width, c.dst_height);
        ExpectWithinOne(dst, reference, Name(c, filter));
        if (first.empty()) first = dst;
        EXPECT_EQ(dst, first) << Name(c, filter);
      });
    }
  }
}

TEST(Resize, EqualsPillow) {
  if (std::system("/usr/bin/python3 -c 'import PIL' 2>/dev/null") != 0) {
    GTEST_SKIP() << "Pillow (python3-pil) is not installed";
  }
  // Pillow reads the cases from standard input's file and writes the raw outputs after each other.
  const char* script =
      "import sys\n"
      "from PIL import Image\n"
      "filters = [Image.BOX, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]\n"
      "out = open(sys.argv[2], 'wb')\n"
      "for line in open(sys.argv[1]):\n"
      "    w, h, x0, y0, x1, y1, dw, dh, f = map(float, line.split())\n"
      "    w, h, s, pixels = int(w), int(h), 12345, bytearray()\n"
      "    for i in range(w * h * 3):\n"
      "        s = (s * 1664525 + 1013904223) & 0xffffffff\n"
      "        pixels.append(s >> 24)\n"
      "    im = Image.frombytes('RGB', (w, h), bytes(pixels))\n"
      "    out.write(im.resize((int(dw), int(dh)), filters[int(f)], box=(x0, y0, x1, "
      "y1)).tobytes())\n";
  TemporaryFolder folder;
  std::ofstream(folder / "resize.py") << script;
  {
    std::ofstream cases(folder / "cases");
    for (const Case& c : kCases) {
      for (int f = 0; f < 4; ++f) {
        cases << fmt::format("{} {} {} {} {} {} {} {} {}\n", c.width, c.height, c.box.x0, c.box.y0,
                             c.box.x1, c.box.y1, c.dst_width, c.dst_height, f);
      }
    }
  }
  const std::string command = fmt::format("/usr/bin/python3 {} {} {}", folder / "resize.py",
                                          folder / "cases", folder / "out");
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream out(folder / "out", std::ios::binary);
  for (const Case& c : kCases) {
    for (const ResizeFilter filter : kFilters) {
      std::vector<uint8_t> pillow(static_cast<size_t>(c.dst_width) * c.dst_height * 3);
      out.read(reinterpret_cast<char*>(pillow.data()), static_cast<std::streamsize>(pillow.size()));
      ASSERT_TRUE(out);
      const auto dst = Resize(Noise(c.width, c.height), c.width, c.height, c.box, filter,
                              c.dst_width, c.dst_height);
      ExpectWithinOne(dst, pillow, Name(c, filter));
    }
  }
}

TEST(Resize, ScratchServesChangingSizes) {
  ResizeScratch scratch;
  for (const Case& c : kCases) {
    const auto src = Noise(c.width, c.height);
    std::vector<uint8_t> dst(static_cast<size_t>(c.dst_width) * c.dst_height * 3);
    ResizeRgb(src.data(), c.width, c.height, c.box, ResizeFilter::kBicubic, dst.data(), c.dst_width,
              c.dst_height, scratch);
    EXPECT_EQ(dst, Resize(src, c.width, c.height, c.box, ResizeFilter::kBicubic, c.dst_width,
                          c.dst_height));
  }
}

TEST(Resize, ABoxOutsideThePictureIsRefused) {
  const auto src = Noise(4, 4);
  EXPECT_THROW(Resize(src, 4, 4, {0, 0, 4.5, 4}, ResizeFilter::kBox, 2, 2), Error);
  EXPECT_THROW(Resize(src, 4, 4, {2, 0, 2, 4}, ResizeFilter::kBox, 2, 2), Error);
  EXPECT_THROW(Resize(src, 4, 4, {-1, 0, 2, 4}, ResizeFilter::kBox, 2, 2), Error);
}

TEST(Normalize, EveryCountAndTarget) {
  const float scale[] = {0.5f, 0.017f, 3.25f}, bias[] = {-1.5f, 0.25f, 100.0f};
  ForEachTarget([&] {
    for (const int channels : {1, 3}) {
      for (size_t pixels = 0; pixels < 70; ++pixels) {
        const size_t count = pixels * static_cast<size_t>(channels);
        const auto src = std::make_unique<uint8_t[]>(count);
        for (size_t i = 0; i < count; ++i) src[i] = static_cast<uint8_t>(i * 37);
        std::vector<float> dst(count + 16, -7);
        NormalizeBytes(src.get(), pixels, channels, scale, bias, dst.data());
        for (size_t i = 0; i < count; ++i) {
          const float product = static_cast<float>(src[i]) * scale[i % channels];
          ASSERT_EQ(dst[i], product + bias[i % channels]) << pixels << " " << i;
        }
        for (size_t i = count; i < dst.size(); ++i) ASSERT_EQ(dst[i], -7);
      }
    }
  });
}

}  // namespace
}  // namespace linnet::kernels
