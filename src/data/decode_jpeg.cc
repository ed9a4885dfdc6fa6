// JPEG through libjpeg-turbo.
// jpeglib.h needs what stands before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/decode_formats.h"

namespace linnet::internal {
namespace {

// A scan of a progressive file may be ten bytes that make a pass over the whole picture: without an
// end to them a small file takes hours. Encoders write a dozen.
constexpr int kMostScans = 500;

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg's pointer to it is a pointer to this
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  DecodeJob* job;
  bool hit_end;  // the file ended before the end-of-image marker
  bool cut;      // pixels are missing
  jpeg_progress_mgr progress;
};

[[noreturn]] void OnError(j_common_ptr info) {
  JpegErrors& errors = *reinterpret_cast<JpegErrors*>(info->err);
  errors.manager.format_message(info, errors.message);
  std::longjmp(errors.escape, 1);
}

void OnProgress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  JpegErrors& errors = *reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors.message, sizeof(errors.message), "more than %d scans", kMostScans);
  std::longjmp(errors.escape, 1);
}

void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;  // trace
  JpegErrors& errors = *reinterpret_cast<JpegErrors*>(info->err);
  const int code = errors.manager.msg_code;
  if (code == JWRN_JPEG_EOF) errors.hit_end = true;
  if (code == JWRN_HIT_MARKER) errors.cut = true;  // a marker stands where data should
  char text[JMSG_LENGTH_MAX];
  errors.manager.format_message(info, text);
  errors.job->Warn(text);
}

// Rows of CMYK to RGB by the plain formula. Adobe stores 255 - ink.
void CmykRow(const uint8_t* cmyk, int width, bool inverted, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int k = inverted ? cmyk[3] : 255 - cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int light = inverted ? cmyk[c] : 255 - cmyk[c];
      rgb[c] = static_cast<uint8_t>((light * k + 127) / 255);
    }
  }
}

void ReadOrientation(const jpeg_decompress_struct& info, DecodeJob& job) {
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    constexpr size_t kHeader = 6;  // "Exif\0\0"
    if (marker->data_length < kHeader || std::memcmp(marker->data, "Exif\0", kHeader) != 0)
      continue;
    job.orientation = ExifOrientation({marker->data + kHeader, marker->data_length - kHeader});
    return;
  }
}

void StartDecompress(jpeg_decompress_struct& info, DecodeJob& job, std::vector<uint8_t>& cmyk_row) {
  jpeg_mem_src(&info, job.bytes.data(), job.bytes.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  ReadOrientation(info, job);
  // A block of 8 x 8 takes a bit at least for each component, with 4:1:1 chroma.
  AllocateImage(job, info.image_width, info.image_height, 2000);
  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  if (cmyk) cmyk_row.resize(static_cast<size_t>(info.image_width) * 4);
  jpeg_start_decompress(&info);
}

// Whether every pixel is there in a file without an end marker, whose last scan was not seen to be
// cut. Arithmetic coding never shows that; and a scan that is missing as a whole leaves grey, or a
// blur, where the details of a progressive file should be.
bool WholeWithoutEnd(const jpeg_decompress_struct& info, bool several_scans) {
  if (info.arith_code) return false;
  if (!several_scans) return true;
  if (info.coef_bits == nullptr) return false;
  const int* first = info.coef_bits[0];
  return std::all_of(first, first + info.num_components * DCTSIZE2,
                     [](int missing_bits) { return missing_bits == 0; });
}

void ReadRows(jpeg_decompress_struct& info, DecodeJob& job, std::vector<uint8_t>& cmyk_row) {
  while (info.output_scanline < info.output_height) {
    uint8_t* rgb = job.image.row(static_cast<int>(info.output_scanline));
    JSAMPROW row = cmyk_row.empty() ? rgb : cmyk_row.data();
    jpeg_read_scanlines(&info, &row, 1);
    if (!cmyk_row.empty()) CmykRow(row, job.image.width, info.saw_Adobe_marker, rgb);
  }
}

// Between setjmp and longjmp no object with a destructor may be made in this frame or those it
// calls into libjpeg from; 'job' and 'cmyk_row' belong to the caller. False: errors.message says
// why.
bool Decode(jpeg_decompress_struct& info, JpegErrors& errors, DecodeJob& job,
            std::vector<uint8_t>& cmyk_row) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  errors.progress.progress_monitor = OnProgress;
  info.progress = &errors.progress;
  StartDecompress(info, job, cmyk_row);
  ReadRows(info, job, cmyk_row);
  if (errors.hit_end && !WholeWithoutEnd(info, jpeg_has_multiple_scans(&info))) errors.cut = true;
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

void DecodeJpeg(DecodeJob& job) {
  jpeg_decompress_struct info;
  std::memset(&info, 0, sizeof(info));
  JpegErrors errors;
  std::memset(&errors, 0, sizeof(errors));
  errors.job = &job;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = OnError;
  errors.manager.emit_message = OnMessage;
  std::vector<uint8_t> cmyk_row;
  bool decoded = false;
  try {
    decoded = Decode(info, errors, job, cmyk_row);
  } catch (...) {
    jpeg_destroy_decompress(&info);
    throw;
  }
  jpeg_destroy_decompress(&info);
  if (!decoded) Fail(ErrorKind::kData, "{}", errors.message);
  if (errors.cut) Fail(ErrorKind::kData, "premature end: a part of the picture is missing");
}

}  // namespace linnet::internal
