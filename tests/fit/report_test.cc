#include "fit/report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/rng.h"
#include "fit/report_sections.h"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::Not;

// ---- a page that says what is wrong with it ----

bool IsNameChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-'; }

// The tag whose '<' is at 'at'; an empty name if it is malformed: each attribute must be
// name="value", without '<' or '>' in the value.
struct Tag {
  std::string name;
  bool closing = false, empty = false;
  size_t end = 0;
};

Tag ReadTag(const std::string& page, size_t at) {
  Tag tag;
  size_t i = at + 1;
  const auto take = [&](char c) { return page[i] == c ? (++i, true) : false; };
  const auto take_name = [&] {
    const size_t begin = i;
    while (IsNameChar(page[i])) ++i;
    return page.substr(begin, i - begin);
  };
  tag.closing = take('/');
  const std::string name = take_name();
  while (take(' ')) {
    if (page[i] == '/' || page[i] == '>') break;
    if (take_name().empty() || !take('=') || !take('"')) return {};
    i = page.find_first_of("\"<>", i);
    if (i == std::string::npos || !take('"')) return {};
  }
  tag.empty = take('/');
  if (!take('>')) return {};
  tag.end = i;
  tag.name = name;
  return tag;
}

bool BeginsEntity(const std::string& page, size_t at) {
  for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
    if (page.compare(at, std::strlen(entity), entity) == 0) return true;
  }
  return false;
}

// An empty text if every tag is closed in order, every attribute quoted, every '&' an entity, every
// id unique; else what is wrong and where.
std::string Malformed(const std::string& page) {
  const std::string doctype = "<!DOCTYPE html>\n";
  if (page.rfind(doctype, 0) != 0) return "no doctype";
  const std::set<std::string> void_tags = {"meta", "img"};
  std::vector<std::string> open;
  for (size_t i = doctype.size(); i < page.size(); ++i) {
    const auto near = [&] { return " at " + page.substr(i, 80); };
    if (page[i] == '>') return "stray >" + near();
    if (page[i] == '&' && !BeginsEntity(page, i)) return "stray &" + near();
    if (page[i] != '<') continue;
    const Tag tag = ReadTag(page, i);
    if (tag.name.empty()) return "malformed tag" + near();
    i = tag.end - 1;
    if (tag.closing) {
      if (open.empty() || open.back() != tag.name) return "unexpected" + near();
      open.pop_back();
    } else if (tag.name == "style") {
      i = page.find("</style>", i) + 7;
    } else if (!tag.empty && !void_tags.count(tag.name)) {
      open.push_back(tag.name);
    }
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

// Loads nothing from elsewhere, runs nothing, and has no number that is none.
void ExpectSound(const std::string& page) {
  EXPECT_EQ(Malformed(page), "");
  for (const char* bad : {"http://", "https://", "<script", "<link", "@import", "url(", "\"inf",
                          " inf", "-inf", "(inf"}) {
    EXPECT_THAT(page, Not(HasSubstr(bad))) << bad;
  }
  for (size_t at = page.find("nan"); at != std::string::npos; at = page.find("nan", at + 1)) {
    EXPECT_TRUE(IsNameChar(page[at - 1]) || IsNameChar(page[at + 3])) << page.substr(at - 30, 60);
  }
}

// ---- a sample: what a run of 'fit' on the ten synthetic shapes might say ----

std::vector<ReportCandidate> SampleCandidates() {
  std::vector<ReportCandidate> all;
  for (const double width : {0.25, 0.5, 0.75, 1.0}) {
    for (const int size : {96, 128, 160, 192, 224}) {
      ReportCandidate c;
      c.spec = fmt::format("mobilenet_v1:width={:g},size={}", width, size);
      c.width = width;
      c.resolution = size;
      c.macs = static_cast<int64_t>(569e6 * width * width * size * size / (224.0 * 224));
      c.params = static_cast<int64_t>(3.2e6 * width * width + 2e4);
      c.bytes = 4 * c.params + 9000;
      c.latency_ms = 0.05 + static_cast<double>(c.macs) / 75e6;
      const double size_gain = std::log2(size / 96.0), width_gain = std::log2(width / 0.25);
      c.status = CandidateStatus::kEliminated;
      if (c.bytes > 9000000) c.status = CandidateStatus::kTooLarge;
      if (c.latency_ms > 2) c.status = CandidateStatus::kTooSlow;
      if (c.status == CandidateStatus::kEliminated) {
        c.trials = {
            {2, 0.58 + 0.07 * size_gain + 0.06 * width_gain - 0.02 * size_gain * size_gain}};
      }
      all.push_back(c);
    }
  }
  for (ReportCandidate& c : all) {
    if (c.trials.empty() || c.accuracy() < 0.66) continue;
    c.trials.push_back({4, c.accuracy() + 0.045});
    if (c.accuracy() < 0.735) continue;
    c.trials.push_back({8, c.accuracy() + 0.03});
    c.status = c.width == 0.75 && c.resolution == 128 ? CandidateStatus::kWinner
                                                      : CandidateStatus::kFinalist;
  }
  return all;
}

// A disc or a square on a gradient, a little noisy.
ReportMistake SampleMistake(int index, const std::string& label, const std::string& predicted) {
  const int side = 96;
  Rng rng(7, static_cast<uint64_t>(index));
  const float hue[3] = {rng.Uniform(40, 250), rng.Uniform(40, 250), rng.Uniform(40, 250)};
  const float cx = rng.Uniform(30, 66), cy = rng.Uniform(30, 66), r = rng.Uniform(14, 34);
  ReportMistake m{.file = fmt::format("val/{}/{:05d}.jpg", label, 17 * index),
                  .label = label,
                  .predicted = predicted,
                  .score = 0.99 - 0.02 * index,
                  .width = side,
                  .height = side};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const float dx = static_cast<float>(x) - cx, dy = static_cast<float>(y) - cy;
      const bool inside = index % 2 ? dx * dx + dy * dy < r * r : std::abs(dx) + std::abs(dy) < r;
      for (const float h : hue) {
        const float ground = (255 - h) * (0.5f + 0.005f * static_cast<float>(x));
        const float value = (inside ? h : ground) + rng.Uniform(-18, 18);
        m.rgb.push_back(static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f)));
      }
    }
  }
  return m;
}

// A good network's confusions: each class is taken for a few others.
std::vector<int64_t> SampleConfusion(size_t n, uint32_t per_class) {
  std::vector<int64_t> confusion(n * n);
  Rng rng(11);
  for (size_t i = 0; i < n; ++i) {
    uint32_t rest = per_class;
    for (size_t k = 1; k < std::min<size_t>(n, 6); ++k) {
      const uint32_t wrong = rng.Below(1 + per_class / (6 * static_cast<uint32_t>(k)));
      confusion[i * n + (i + k * k) % n] += wrong;
      rest -= wrong;
    }
    confusion[i * n + i] += rest;
  }
  return confusion;
}

std::vector<ReportStep> SampleSteps() {
  std::vector<ReportStep> steps = {{"stem", "conv2d 3x3, relu6", 0.061, 0.038, 4423680}};
  for (int i = 1; i <= 13; ++i) {
    const double d = 0.018 - 0.0009 * i, p = 0.034 + 0.0011 * i;
    steps.push_back(
        {fmt::format("block{}.depthwise", i), "depthwise 3x3, relu6", d, d * 0.62, 921600});
    steps.push_back(
        {fmt::format("block{}.pointwise", i), "pointwise, relu6", p, p * 0.83, 13107200});
  }
  steps.push_back({"head.pool", "global average pool", 0.002, 0.001, 25600});
  steps.push_back({"head.classifier", "dense", 0.003, 0.0021, 5120});
  return steps;
}

ReportData Sample(size_t classes) {
  const std::vector<std::string> shapes = {"circle", "cross",     "crescent", "heart",    "hexagon",
                                           "ring",   "rectangle", "star",     "triangle", "wave"};
  ReportData data;
  data.verb = "fit";
  data.data = "shapes";
  data.budget_ms = 2;
  data.budget_bytes = 9000000;
  data.spec = "mobilenet_v1:width=0.75,size=128";
  data.file = "runs/fit/model.safetensors";
  data.bytes = 7293112;
  data.macs = 105415680;
  data.params = 1818714;
  data.top1 = 0.9335;
  data.top5 = 0.9981;
  data.eval_split = "test";
  data.eval_count = 2000;
  data.median_ms = 1.448;
  data.p95_ms = 1.532;
  data.p99_ms = 1.701;
  data.limit_ms = 1.03;
  data.precision = "float32";
  data.threads = 1;
  data.machine = "Intel Xeon Platinum 8481C, AVX-512, 2 processors";
  data.predict_command = "linnet predict --model runs/fit/model.safetensors picture.jpg";
  data.cpp_snippet =
      "#include <linnet/linnet.hpp>\n\nlinnet::Classifier net(\"runs/fit/model.safetensors\");\n"
      "for (const auto& [label, score] : net.Predict(\"picture.jpg\")) {\n"
      "  std::printf(\"%5.1f %% %s\\n\", 100 * score, label.c_str());\n}";
  data.candidates = SampleCandidates();
  data.compared_on = 1600;
  for (int i = 1; i <= 30; ++i) {
    const double t = i / 30.0;
    data.epochs.push_back(
        {static_cast<double>(i), 2.2 * std::exp(-3 * t) + 0.12 + 0.02 * std::sin(i),
         0.95 - 0.75 * std::exp(-4 * t), i <= 3 ? 0.1 * i : 0.15 * (1 + std::cos(3.14159 * t))});
  }
  for (size_t i = 0; i < classes; ++i) {
    const std::string name = classes == shapes.size() ? shapes[i] : fmt::format("class {:03d}", i);
    data.classes.push_back({name, 640 + static_cast<int64_t>(i * 7 % 60), 160, 200});
  }
  data.confusion = SampleConfusion(classes, 200);
  for (int i = 0; i < 24; ++i) {
    const size_t a = static_cast<size_t>(i) % classes, b = (a + 3) % classes;
    data.mistakes.push_back(SampleMistake(i, data.classes[a].name, data.classes[b].name));
  }
  data.skipped = {{"train/star/00317.jpg", "JPEG ends after 1,204 of 3,887 bytes"},
                  {"train/wave/notes.png", "not a picture: begins like a zip archive"}};
  data.pipeline = {{"decode", "8-bit RGB, EXIF orientation applied"},
                   {"resize", "shorter side to 182, bicubic, antialiased"},
                   {"crop", "160 x 160 from the middle"},
                   {"normalise", "mean 0.485 0.456 0.406, deviation 0.229 0.224 0.225"}};
  data.steps = SampleSteps();
  data.arguments = {{"data", "shapes"}, {"latency", "2"}, {"minutes", "5"},
                    {"seed", "1"},      {"batch", "64"},  {"rate", "0.3"}};
  data.record = {{"seed", "1"},
                 {"linnet", "0.1.0"},
                 {"compiler", "g++ 12.2.0"},
                 {"wall time", "4 min 51 s"},
                 {"finished", "2024-05-17 14:02 UTC"}};
  return data;
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// ---- the page ----

TEST(Report, SampleIsSoundAndWhole) {
  const std::string page = RenderReport(Sample(10));
  ExpectSound(page);
  for (const char* id : {"use", "size", "training", "classes", "confusion", "mistakes", "latency",
                         "data", "record"}) {
    EXPECT_EQ(CountOf(page, fmt::format("<section id=\"{}\">", id)), 1u) << id;
    EXPECT_EQ(CountOf(page, fmt::format("href=\"#{}\"", id)), 1u) << id;
  }
  EXPECT_THAT(page, HasSubstr("budget met"));
  EXPECT_THAT(page, HasSubstr("the budget is met."));
  EXPECT_EQ(CountOf(page, "data:image/png;base64,"), 24u);
  EXPECT_EQ(RenderReport(Sample(10)), page);
}

TEST(Report, EmptyDataGiveAShortSoundPage) {
  const std::string page = RenderReport({});
  ExpectSound(page);
  EXPECT_THAT(page, Not(HasSubstr("<section")));
  EXPECT_THAT(page, Not(HasSubstr("<nav")));
}

TEST(Report, EveryPartMayBeMissing) {
  ReportData whole = Sample(10);
  whole.mistakes.resize(2);
  const std::vector<std::pair<const char*, void (*)(ReportData&)>> cuts = {
      {"use", [](ReportData& d) { d.file = d.predict_command = d.cpp_snippet = ""; }},
      {"size", [](ReportData& d) { d.candidates.clear(); }},
      {"training", [](ReportData& d) { d.epochs.clear(); }},
      {"classes", [](ReportData& d) { d.confusion.clear(); }},
      {"confusion", [](ReportData& d) { d.confusion.clear(); }},
      {"mistakes", [](ReportData& d) { d.mistakes.clear(); }},
      {"latency", [](ReportData& d) { d.steps.clear(), d.median_ms = kUnknown; }},
      {"data", [](ReportData& d) { d.classes.clear(), d.skipped.clear(), d.pipeline.clear(); }},
      {"record", [](ReportData& d) { d.arguments.clear(), d.record.clear(); }}};
  for (const auto& [id, cut] : cuts) {
    ReportData data = whole;
    cut(data);
    const std::string page = RenderReport(data);
    ExpectSound(page);
    EXPECT_THAT(page, Not(HasSubstr(fmt::format("<section id=\"{}\">", id))));
    EXPECT_THAT(page, Not(HasSubstr(fmt::format("href=\"#{}\"", id))));
  }
}

TEST(Report, VerdictComparesMeasurementAndBudget) {
  ReportData data = Sample(2);
  data.median_ms = 2.0;
  EXPECT_THAT(RenderReport(data), HasSubstr("✓ budget met"));
  data.median_ms = 2.01;
  EXPECT_THAT(RenderReport(data), HasSubstr("✗ budget not met"));
  data.median_ms = 1;
  data.bytes = data.budget_bytes + 1;
  EXPECT_THAT(RenderReport(data), HasSubstr("✗ budget not met"));
  data.bytes = 0;
  EXPECT_THAT(RenderReport(data), HasSubstr("budget not measured"));
  data.budget_ms = 0;
  data.budget_bytes = 0;
  EXPECT_THAT(RenderReport(data), Not(HasSubstr("class=\"badge")));
  data.delivered = false;
  data.failure = "The nearest takes 3 ms.";
  EXPECT_THAT(RenderReport(data), HasSubstr("The nearest takes 3 ms."));
  EXPECT_THAT(RenderReport(data), HasSubstr("Nothing meets the budget"));
}

TEST(Report, AnyNumberOfClasses) {
  for (const size_t n : {1, 2, 3, 20, 21, 50, 51, 100, 101, 300}) {
    ReportData data = Sample(n);
    if (n != 100) data.mistakes.clear();
    const std::string page = RenderReport(data);
    ExpectSound(page);
    EXPECT_EQ(CountOf(page, "class=\"confusion\"") > 0, n >= 2 && n <= 100) << n;
    EXPECT_LT(page.size(), 3u << 20) << n;
  }
}

TEST(Report, ConfusionOfAnotherSizeIsLeftOut) {
  ReportData data = Sample(10);
  data.confusion.pop_back();
  EXPECT_THAT(RenderReport(data), Not(HasSubstr("<section id=\"confusion\">")));
  data = Sample(10);
  data.confusion[3] = -1;
  EXPECT_THAT(RenderReport(data), Not(HasSubstr("<section id=\"confusion\">")));
}

TEST(Report, HostileTextIsEscapedEverywhere) {
  const std::string evil =
      "</title><script>alert(\"1\")</script><img src='x' onerror=\"a()\">&\xff\x01";
  ReportData data = Sample(3);
  data.verb = data.data = data.spec = data.file = data.eval_split = data.precision = evil;
  data.machine = data.predict_command = data.cpp_snippet = evil;
  for (ReportCandidate& c : data.candidates) c.spec = evil, c.width = kUnknown;
  for (ReportClass& c : data.classes) c.name = evil;
  for (ReportMistake& m : data.mistakes) m.file = m.label = m.predicted = evil;
  for (ReportSkipped& s : data.skipped) s.file = s.reason = evil;
  for (ReportStep& s : data.steps) s.name = s.op = evil;
  data.pipeline = data.arguments = data.record = {{evil, evil}};
  for (const bool delivered : {true, false}) {
    data.delivered = delivered;
    data.failure = evil;
    const std::string page = RenderReport(data);
    ExpectSound(page);
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  }
}

TEST(Report, NumbersThatAreNone) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), inf, -inf, 0.0, -1.0, 1e300, -1e300, 1e-300}) {
    ReportData data = Sample(4);
    data.mistakes.resize(2);
    data.top1 = data.top5 = data.median_ms = data.p95_ms = data.p99_ms = data.limit_ms = bad;
    data.budget_ms = bad;
    for (size_t i = 0; i < data.candidates.size(); i += 2) {
      ReportCandidate& c = data.candidates[i];
      c.latency_ms = c.width = bad;
      c.trials = {{bad, bad}, {bad, bad}};
      c.bytes = c.macs = c.params = -5;
    }
    for (size_t i = 0; i < data.epochs.size(); i += 3) data.epochs[i] = {bad, bad, bad, bad};
    for (ReportStep& s : data.steps) s.ms = s.limit_ms = bad;
    for (ReportMistake& m : data.mistakes) m.score = bad;
    ExpectSound(RenderReport(data));
    for (ReportCandidate& c : data.candidates) c.latency_ms = bad, c.trials = {{bad, bad}};
    for (ReportEpoch& e : data.epochs) e = {bad, bad, bad, bad};
    ExpectSound(RenderReport(data));
  }
}

TEST(Report, TheBestEpochIsTheLastOfEquals) {
  ReportData data = Sample(2);
  data.epochs = {{1, 2, 0.5, 0.1}, {2, 1, 0.75, 0.1}, {3, 1, 0.75, 0.1}, {4, 1, 0.5, 0.1}};
  EXPECT_THAT(RenderReport(data), HasSubstr("75.0\u00A0% after epoch 3 of 4"));
}

TEST(Report, OneCandidateIsNotSaidToHaveBeenCompared) {
  ReportData data = Sample(2);
  for (ReportCandidate& c : data.candidates) {
    c.trials.clear();
    if (c.status != CandidateStatus::kWinner) c.status = CandidateStatus::kTooLong;
  }
  const std::string page = RenderReport(data);
  ExpectSound(page);
  EXPECT_THAT(page, HasSubstr("nothing was compared"));
  EXPECT_THAT(page, Not(HasSubstr("in each round")));
  for (const bool narrow : {false, true}) {
    for (const auto axis : {report::FrontAxis::kLatency, report::FrontAxis::kBytes}) {
      EXPECT_THAT(report::FrontChart(data, axis, narrow), HasSubstr("pt-name won")) << narrow;
    }
  }
}

TEST(Report, ValidationPicturesAreSaidToHaveChosen) {
  ReportData data = Sample(2);
  EXPECT_THAT(RenderReport(data), Not(HasSubstr("which also chose")));
  data.eval_split = "val";
  EXPECT_THAT(RenderReport(data), HasSubstr("which also chose the network and the epoch"));
}

TEST(Report, NamesOfMarksDoNotOverlapAndTheWinnerHasOne) {
  for (const bool narrow : {false, true}) {
    const std::string svg = report::FrontChart(Sample(2), report::FrontAxis::kLatency, narrow);
    EXPECT_THAT(svg, HasSubstr("pt-name won"));
    EXPECT_EQ(CountOf(svg, "class=\"pt "), 20u);
    EXPECT_THAT(svg, HasSubstr("budget 2\u00A0ms"));
    static const std::regex kName(R"re(class="pt-name[^"]*" x="([0-9.]+)" y="([0-9.]+)")re");
    std::vector<std::pair<double, double>> places;
    for (std::sregex_iterator it(svg.begin(), svg.end(), kName), end; it != end; ++it) {
      places.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
    }
    EXPECT_GE(places.size(), 4u);
    for (size_t i = 0; i < places.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        EXPECT_TRUE(std::abs(places[i].first - places[j].first) > 30 ||
                    std::abs(places[i].second - places[j].second) > 12);
      }
    }
  }
}

}  // namespace
}  // namespace linnet
