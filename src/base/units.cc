#include "base/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

namespace linnet {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
// The first of each list is what a plain number means.
constexpr Unit kTime[] = {{"s", 1},    {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9},
                          {"min", 60}, {"m", 60},    {"h", 3600}};
constexpr Unit kBytes[] = {{"B", 1},      {"KB", 1e3},      {"MB", 1e6},      {"GB", 1e9},
                           {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1 << 30}, {"K", 1e3},
                           {"M", 1e6},    {"G", 1e9}};
constexpr Unit kCount[] = {{"", 1}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1e9}, {"T", 1e12}};

bool SameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// "0.3 ms" -> 0.0003. Nothing unless the text is a number that is not negative and a unit.
std::optional<double> ParseQuantity(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text.empty()) return number * units[0].factor;
  for (const Unit& unit : units) {
    if (SameWord(text, unit.name)) return number * unit.factor;
  }
  return std::nullopt;
}

bool ParseInteger(std::string_view text, std::span<const Unit> units, int64_t& value) {
  const auto parsed = ParseQuantity(text, units);
  if (!parsed || *parsed > 9e18) return false;
  value = std::llround(*parsed);
  return true;
}

// 4.23 M: three significant digits and the largest unit that leaves at least one before the point.
std::string Rounded(double value, std::span<const Unit> units) {
  Unit best = units[0];
  for (const Unit& unit : units) {
    if (value >= unit.factor * 0.9995) best = unit;
  }
  const double scaled = value / best.factor;
  const int decimals = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  const bool whole = best.factor == 1 && scaled == std::floor(scaled);
  const std::string number = fmt::format("{:.{}f}", scaled, whole ? 0 : decimals);
  return best.name.empty() ? number : fmt::format("{} {}", number, best.name);
}

}  // namespace

std::string FieldToText(Duration duration) {
  if (duration.seconds == 0) return "0";
  // In milliseconds where those, multiplied back, are the same number.
  const std::string ms = fmt::format("{}ms", duration.seconds * 1e3);
  const bool same = ParseQuantity(ms, kTime) == duration.seconds;
  return duration.seconds < 1 && same ? ms : fmt::format("{}s", duration.seconds);
}
std::string FieldToText(ByteSize size) { return fmt::format("{}", size.bytes); }
std::string FieldToText(Count count) { return fmt::format("{}", count.value); }

bool FieldFromText(std::string_view text, Duration& duration) {
  const auto parsed = ParseQuantity(text, kTime);
  const bool unit = !text.empty() && std::isalpha(static_cast<unsigned char>(text.back()));
  if (!parsed || (!unit && *parsed != 0)) return false;
  duration.seconds = *parsed;
  return true;
}
bool FieldFromText(std::string_view text, ByteSize& size) {
  return ParseInteger(text, kBytes, size.bytes);
}
bool FieldFromText(std::string_view text, Count& count) {
  return ParseInteger(text, kCount, count.value);
}

std::string FieldKind(const Duration&) { return "a time such as 0.3ms, 2s or 10min"; }
std::string FieldKind(const ByteSize&) { return "a size such as 500KB or 2MiB"; }
std::string FieldKind(const Count&) { return "a number such as 600M or 1.5G"; }

std::string CountText(int64_t count) {
  constexpr Unit kUnits[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}};
  return Rounded(static_cast<double>(count), kUnits);
}
std::string BytesText(int64_t bytes) {
  constexpr Unit kUnits[] = {{"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  return Rounded(static_cast<double>(bytes), kUnits);
}

}  // namespace linnet
