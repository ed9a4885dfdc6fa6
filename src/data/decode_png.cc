// PNG through libpng.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "data/decode_formats.h"

namespace linnet::internal {
namespace {

// Everything that must outlive a longjmp.
struct PngState {
  explicit PngState(DecodeJob& decode_job) : job(&decode_job) {}

  DecodeJob* job;
  size_t position = 0;
  char message[200] = "damaged";
  std::vector<png_bytep> rows;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngState() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  PngState& state = *static_cast<PngState*>(png_get_error_ptr(png));
  std::strncpy(state.message, message, sizeof(state.message) - 1);
  png_longjmp(png, 1);
}

void OnWarning(png_structp png, png_const_charp message) {
  static_cast<PngState*>(png_get_error_ptr(png))->job->Warn(message);
}

void OnRead(png_structp png, png_bytep data, size_t size) {
  PngState& state = *static_cast<PngState*>(png_get_io_ptr(png));
  const Bytes bytes = state.job->bytes;
  if (size > bytes.size() - state.position) png_error(png, "premature end of the file");
  std::memcpy(data, bytes.data() + state.position, size);
  state.position += size;
}

// Any PNG becomes 8-bit RGB.
void ToRgb8(png_structp png) {
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
}

void PrepareRows(PngState& state) {
  Image& image = state.job->image;
  if (png_get_rowbytes(state.png, state.info) != image.stride()) png_error(state.png, "row size");
  state.rows.resize(image.height);
  for (int y = 0; y < image.height; ++y) state.rows[y] = image.row(y);
}

void ReadOrientation(PngState& state) {
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(state.png, state.info, &size, &exif) != 0 && exif != nullptr) {
    state.job->orientation = ExifOrientation({exif, size});
  }
}

// No object with a destructor may be made between setjmp and longjmp. False: state.message says
// why.
bool Decode(PngState& state) {
  if (setjmp(png_jmpbuf(state.png)) != 0) return false;
  png_set_read_fn(state.png, &state, OnRead);
  png_set_user_limits(state.png, 1'000'000'000, 1'000'000'000);
  png_set_chunk_cache_max(state.png, 100);
  png_set_chunk_malloc_max(state.png, 4'000'000);
  png_read_info(state.png, state.info);
  // Before libpng takes memory for its rows, which may be of a thousand million pixels. Deflate
  // shrinks at most 1032 times, and a pixel may be one bit.
  AllocateImage(*state.job, png_get_image_width(state.png, state.info),
                png_get_image_height(state.png, state.info), 8 * 1032);
  ToRgb8(state.png);
  png_set_interlace_handling(state.png);
  png_read_update_info(state.png, state.info);
  PrepareRows(state);
  png_read_image(state.png, state.rows.data());
  png_read_end(state.png, state.info);
  ReadOrientation(state);
  return true;
}

}  // namespace

void DecodePng(DecodeJob& job) {
  PngState state(job);
  state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, OnError, OnWarning);
  state.info = state.png == nullptr ? nullptr : png_create_info_struct(state.png);
  if (state.info == nullptr) throw std::bad_alloc();
  if (!Decode(state)) Fail(ErrorKind::kData, "{}", state.message);
}

}  // namespace linnet::internal
