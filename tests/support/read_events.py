# SPDX-License-Identifier: MIT
"""Prints as JSON what TensorBoard's own reader finds in a folder of event files."""
import json
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2
except ImportError as error:
    print("skipped: python has no tensorboard (%s)" % error)
    sys.exit(0)

reader = event_accumulator.EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
reader.Reload()
found = {"scalars": {}, "texts": {}, "settings": {}, "metrics": []}
for tag in reader.Tags()["scalars"]:
    found["scalars"][tag] = [[e.wall_time, e.step, e.value] for e in reader.Scalars(tag)]
for tag in reader.PluginTagToContent("text"):
    texts = [[e.step, e.tensor_proto.string_val[0].decode()] for e in reader.Tensors(tag)]
    found["texts"][tag] = texts
for tag, content in reader.PluginTagToContent("hparams").items():
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    for name, value in data.session_start_info.hparams.items():
        found["settings"][name] = getattr(value, value.WhichOneof("kind"))
    found["metrics"] += [info.name.tag for info in data.experiment.metric_infos]
print(json.dumps(found))
