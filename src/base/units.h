// Quantities as users write and read them: "0.3ms", "500KB", "600M". The one home of units.
//
// Each is a field (base/fields.h) by its own FieldToText and FieldFromText, so a struct of options
// may have members of these types.
#ifndef LINNET_BASE_UNITS_H_
#define LINNET_BASE_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet {

// A span of time. Written with a unit: "250us", "0.3ms", "2s", "10min", "1h"; 0 needs none.
struct Duration {
  double seconds = 0;
  double ms() const { return seconds * 1e3; }
  auto operator<=>(const Duration&) const = default;
};

// Bytes: "500KB" = 500,000; "488KiB" = 499,712; a plain number is bytes.
struct ByteSize {
  int64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

// A number of things: "600M", "4.2M", "1.5G" (or "B"), "10k", or plain.
struct Count {
  int64_t value = 0;
  auto operator<=>(const Count&) const = default;
};

// Exact: what FieldFromText reads back as the same value.
std::string FieldToText(Duration duration);
std::string FieldToText(ByteSize size);
std::string FieldToText(Count count);

// False, and the value as before, if the text is not such a quantity or is negative.
bool FieldFromText(std::string_view text, Duration& duration);
bool FieldFromText(std::string_view text, ByteSize& size);
bool FieldFromText(std::string_view text, Count& count);

// What such a field takes, for messages.
std::string FieldKind(const Duration&);
std::string FieldKind(const ByteSize&);
std::string FieldKind(const Count&);

// Three significant digits, for people: "4.23 M", "512 KB".
std::string CountText(int64_t count);
std::string BytesText(int64_t bytes);

}  // namespace linnet

#endif  // LINNET_BASE_UNITS_H_
