// {fmt}, compiled here and nowhere else. Its header-only form costs every file five seconds to
// compile (twenty under sanitizers); its shared library would be one more for the runtime to link.
#include <fmt/format-inl.h>

// The templates that fmt/format.h declares to be instantiated elsewhere.
template auto fmt::detail::thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto fmt::detail::decimal_point_impl(locale_ref) -> char;
