// From what training and measuring leave behind to what a report says.
#ifndef LINNET_FIT_REPORT_FILL_H_
#define LINNET_FIT_REPORT_FILL_H_

#include <string>

#include "data/image_cache.h"
#include "fit/report.h"
#include "infer/latency.h"
#include "infer/plan.h"
#include "io/model_file.h"
#include "train/evaluate.h"
#include "train/train.h"

namespace linnet {

// Fields of a struct as rows: {"epochs", "30"}.
template <class S>
ReportFacts FactsOf(const S& object) {
  ReportFacts facts;
  VisitFields(object, [&](const char* name, const auto& field, const char*) {
    facts.emplace_back(name, FieldToText(field));
  });
  return facts;
}

// How to use a model file from a shell.
std::string PredictCommand(const std::string& file);

// Curves, arguments of the training.
void FillTraining(ReportData& report, const TrainJob& job, const TrainResult& result);
// Accuracy, confusion, the worst mistakes with their pictures, and the broken pictures that were
// met up to now.
void FillEvaluation(ReportData& report, const Evaluation& evaluation, const ImageCache& images,
                    Split split);
// Pictures per class and split, and the image pipeline.
void FillData(ReportData& report, const Dataset& data, const ImagePipeline& pipeline);
// The delivered file, how to use it, its size and its latency. 'plan' is its Plan.
void FillModel(ReportData& report, const std::string& file, const Model& model, const Plan& plan,
               const Latency& latency);
// The time of each step of the plan, beside this machine's limit.
void FillSteps(ReportData& report, Plan& plan, ThreadPool* pool);
// For the model file: the options of the run and its log, as a JSON object.
std::string TrainingRecord(const TrainJob& job, const TrainResult& result);

}  // namespace linnet

#endif  // LINNET_FIT_REPORT_FILL_H_
