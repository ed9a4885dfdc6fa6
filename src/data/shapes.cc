#include "data/shapes.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fields.h"
#include "base/rng.h"

namespace linnet {
namespace {

constexpr float kPi = 3.14159265f;
constexpr uint64_t kDraw = 0x736861706573;  // the purpose of the random stream

struct Point {
  float x, y;
};

Point Rotated(Point p, float c, float s) { return {c * p.x - s * p.y, s * p.x + c * p.y}; }

// ---- outlines, in a frame where the shape reaches about 1 from the origin; y points down ----

// The angle folded into [-pi/n, pi/n] about the nearest of n corners.
float FoldedAngle(Point p, int n) {
  const float step = 2 * kPi / static_cast<float>(n);
  const float angle = std::atan2(p.y, p.x);
  return angle - step * std::round(angle / step);
}

// Corners at distance 1.
bool InPolygon(Point p, int n) {
  const float half = kPi / static_cast<float>(n);
  const float angle = half - std::abs(FoldedAngle(p, n));  // from the middle of an edge
  return std::hypot(p.x, p.y) * std::cos(angle) <= std::cos(half);
}

// Five points at distance 1, between them corners at distance 'inner'.
bool InStar(Point p) {
  constexpr float inner = 0.42f;
  const float angle = std::abs(FoldedAngle(p, 5)), radius = std::hypot(p.x, p.y);
  const Point at = {radius * std::cos(angle), radius * std::sin(angle)};
  const Point corner = {inner * std::cos(kPi / 5), inner * std::sin(kPi / 5)};
  // Left of the edge from (1, 0) to the inner corner.
  return (corner.x - 1) * at.y - corner.y * (at.x - 1) >= 0;
}

bool InHeart(Point p) {
  const float x = 1.2f * p.x, y = -1.2f * p.y + 0.1f;
  const float a = x * x + y * y - 1;
  return a * a * a - x * x * y * y * y <= 0;
}

bool InCross(Point p) {
  constexpr float arm = 0.3f;
  const float x = std::abs(p.x), y = std::abs(p.y);
  return (x <= arm && y <= 1) || (y <= arm && x <= 1);
}

// In the order of kShapeNames.
bool InShape(int label, Point p) {
  const float radius = std::hypot(p.x, p.y);
  switch (label) {
    case 0:
      return radius <= 0.9f;
    case 1:
      return radius <= 1 && std::hypot(p.x - 0.5f, p.y) > 0.8f;
    case 2:
      return InCross(p);
    case 3:
      return InHeart(p);
    case 4:
      return InPolygon(p, 6);
    case 5:
      return InPolygon(p, 5);
    case 6:
      return radius <= 0.95f && radius >= 0.55f;
    case 7:
      return std::max(std::abs(p.x), std::abs(p.y)) <= 0.8f;
    case 8:
      return InStar(p);
    default:
      return InPolygon(p, 3);
  }
}

// ---- textures ----

using Color = std::array<float, 3>;

Color RandomColor(Rng& rng) {
  return {rng.Uniform(0, 255), rng.Uniform(0, 255), rng.Uniform(0, 255)};
}

Color Near(const Color& color, float spread, Rng& rng) {
  Color near;
  for (size_t c = 0; c < 3; ++c)
    near[c] = std::clamp(color[c] + rng.Uniform(-spread, spread), 0.0f, 255.0f);
  return near;
}

float Distance(const Color& a, const Color& b) {
  return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

enum class Pattern { kPlain, kGradient, kStripes, kChecks, kBlobs };

// Two colours and how they change over the picture; x and y run from 0 to 1.
struct Texture {
  Color first, second;
  Pattern pattern;
  float c, s, frequency, phase;

  Texture(const Color& base, float spread, Rng& rng)
      : first(Near(base, spread, rng)),
        second(Near(base, spread, rng)),
        pattern(static_cast<Pattern>(rng.Below(5))) {
    const float angle = rng.Uniform(0, 2 * kPi);
    c = std::cos(angle), s = std::sin(angle);
    frequency = rng.Uniform(3, 9);
    phase = rng.Uniform();
  }

  // How much of the second colour is at a point.
  float Mix(Point p) const {
    const Point q = Rotated({p.x - 0.5f, p.y - 0.5f}, c, s);
    const float u = q.x * frequency + phase, v = q.y * frequency + phase;
    switch (pattern) {
      case Pattern::kPlain:
        return 0;
      case Pattern::kGradient:
        return std::clamp(q.x + 0.5f, 0.0f, 1.0f);
      case Pattern::kStripes:
        return u - std::floor(u) < 0.5f ? 0.0f : 1.0f;
      case Pattern::kChecks:
        return static_cast<int>(std::floor(u) + std::floor(v)) % 2 == 0 ? 0.0f : 1.0f;
      case Pattern::kBlobs:
        return 0.5f + 0.25f * (std::sin(2 * kPi * u) + std::sin(2 * kPi * v));
    }
    return 0;
  }

  Color At(Point p) const {
    const float mix = Mix(p);
    Color color;
    for (size_t i = 0; i < 3; ++i) color[i] = first[i] + mix * (second[i] - first[i]);
    return color;
  }
};

// ---- one picture ----

struct Scene {
  int label;
  Texture background, fill;
  Point center;  // 0..1
  float radius;  // 0..1
  float aspect;
  float c, s;  // rotation
  bool occluded;
  Color bar_color;
  float bar_c, bar_s, bar_offset, bar_half_width;  // a bar across the picture
  float noise;                                     // standard deviation, of 255
};

Scene RandomScene(int label, Rng& rng) {
  constexpr float kLeastContrast = 150;
  const Color ground = RandomColor(rng);
  Color ink = RandomColor(rng);
  for (int i = 0; i < 50 && Distance(ground, ink) < kLeastContrast; ++i) ink = RandomColor(rng);
  Scene scene{
      label, Texture(ground, 30, rng), Texture(ink, 30, rng), {}, 0, 0, 0, 0, false, {}, 0, 0, 0, 0,
      0};
  scene.radius = rng.Uniform(0.24f, 0.44f);
  scene.center = {rng.Uniform(scene.radius, 1 - scene.radius),
                  rng.Uniform(scene.radius, 1 - scene.radius)};
  scene.aspect = std::exp(rng.Uniform(-0.12f, 0.12f));
  const float angle = rng.Uniform(0, 2 * kPi), bar_angle = rng.Uniform(0, 2 * kPi);
  scene.c = std::cos(angle), scene.s = std::sin(angle);
  scene.occluded = rng.Coin(0.3f);
  scene.bar_color = RandomColor(rng);
  scene.bar_c = std::cos(bar_angle), scene.bar_s = std::sin(bar_angle);
  scene.bar_offset = rng.Uniform(-0.7f, 0.7f) * scene.radius;
  scene.bar_half_width = rng.Uniform(0.02f, 0.05f);
  scene.noise = rng.Uniform(0, 12);
  return scene;
}

bool InScene(const Scene& scene, Point p) {
  const Point q =
      Rotated({(p.x - scene.center.x) / scene.radius, (p.y - scene.center.y) / scene.radius},
              scene.c, -scene.s);
  return InShape(scene.label, {q.x * scene.aspect, q.y / scene.aspect});
}

bool InBar(const Scene& scene, Point p) {
  const Point q = Rotated({p.x - scene.center.x, p.y - scene.center.y}, scene.bar_c, -scene.bar_s);
  return std::abs(q.y - scene.bar_offset) <= scene.bar_half_width;
}

// The part of a pixel that 'inside' covers, from 4 x 4 points; where the outer four agree, from
// those.
template <class Inside>
float CoverageOf(int x, int y, float pixel, Inside&& inside) {
  constexpr int kSide = 4;
  const auto at = [&](int i, int j) {
    return inside(Point{(static_cast<float>(x) + (static_cast<float>(i) + 0.5f) / kSide) * pixel,
                        (static_cast<float>(y) + (static_cast<float>(j) + 0.5f) / kSide) * pixel});
  };
  const int corners = at(0, 0) + at(0, kSide - 1) + at(kSide - 1, 0) + at(kSide - 1, kSide - 1);
  if (corners == 0 || corners == 4) return static_cast<float>(corners) / 4;
  int count = 0;
  for (int i = 0; i < kSide; ++i) {
    for (int j = 0; j < kSide; ++j) count += at(i, j);
  }
  return static_cast<float>(count) / (kSide * kSide);
}

void Blend(Color& under, const Color& over, float part) {
  for (size_t c = 0; c < 3; ++c) under[c] += part * (over[c] - under[c]);
}

void Validate(const ShapesOptions& options) {
  if (options.count < 100 || options.count > 10'000'000) {
    Fail(ErrorKind::kUsage,
         "shapes: count={}: expected 100 to 10000000, ten of each shape at least", options.count);
  }
  if (options.size < 16 || options.size > 1024) {
    Fail(ErrorKind::kUsage, "shapes: size={}: expected 16 to 1024 pixels", options.size);
  }
}

int LabelOf(int64_t index) { return static_cast<int>(index % 10); }

Split SplitOf(int64_t index) {
  const int64_t tenth = index / 10 % 10;
  return tenth == 8 ? Split::kVal : tenth == 9 ? Split::kTest : Split::kTrain;
}

}  // namespace

ShapePicture DrawShape(const ShapesOptions& options, int64_t index) {
  Rng rng(options.seed,
          MixStream(static_cast<uint64_t>(index), static_cast<uint64_t>(options.size), kDraw));
  ShapePicture picture{
      Image(options.size, options.size), LabelOf(index), {options.size, options.size, 0, 0}};
  const Scene scene = RandomScene(picture.label, rng);
  const float pixel = 1 / static_cast<float>(options.size);
  for (int y = 0; y < options.size; ++y) {
    uint8_t* row = picture.image.row(y);
    for (int x = 0; x < options.size; ++x) {
      const float shape = CoverageOf(x, y, pixel, [&](Point q) { return InScene(scene, q); });
      const Point p = {(static_cast<float>(x) + 0.5f) * pixel,
                       (static_cast<float>(y) + 0.5f) * pixel};
      Color color = scene.background.At(p);
      if (shape > 0) {
        Blend(color, scene.fill.At(p), shape);
        auto& [x0, y0, x1, y1] = picture.box;
        x0 = std::min(x0, x), y0 = std::min(y0, y);
        x1 = std::max(x1, x + 1), y1 = std::max(y1, y + 1);
      }
      if (scene.occluded) {
        Blend(color, scene.bar_color,
              CoverageOf(x, y, pixel, [&](Point q) { return InBar(scene, q); }));
      }
      for (int c = 0; c < 3; ++c) {
        const float value = color[static_cast<size_t>(c)] + scene.noise * rng.Normal();
        row[3 * x + c] = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
      }
    }
  }
  return picture;
}

Dataset ShapesDataset(const ShapesOptions& options) {
  Validate(options);
  Dataset dataset;
  dataset.path =
      fmt::format("shapes:count={},size={},seed={}", options.count, options.size, options.seed);
  dataset.format = "shapes";
  dataset.classes.assign(kShapeNames.begin(), kShapeNames.end());
  for (int64_t i = 0; i < options.count; ++i) {
    const Split split = SplitOf(i);
    dataset.items(split).push_back({fmt::format("{}/{}/{:06}.png", FieldToText(split),
                                                kShapeNames[static_cast<size_t>(LabelOf(i))], i),
                                    LabelOf(i), 0, static_cast<uint64_t>(i), 0});
  }
  dataset.load = [options](const DataItem& item) -> DecodeResult {
    return {DrawShape(options, static_cast<int64_t>(item.offset)).image, {}};
  };
  return dataset;
}

ShapesOptions ShapesFromText(std::string_view text, std::string_view where) {
  ShapesOptions options;
  for (const std::string_view part : SplitText(text, ',')) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      Fail(ErrorKind::kUsage, "{}: '{}': expected NAME=VALUE of {}", where, part,
           FieldNames<ShapesOptions>());
    }
    SetField(options, part.substr(0, equals), part.substr(equals + 1), where);
  }
  return options;
}

}  // namespace linnet
