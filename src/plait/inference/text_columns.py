"""By which names people call the columns of a table of texts."""

TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "content",
    "comment",
    "document",
    "message",
    "question",
    "body",
    "tweet",
    "title",
    "文本",
    "内容",
    "评论",
    "句子",
    "评价",
    "标题",
)
"""The likeliest first."""
TRANSCRIPT_NAMES = ("text", "transcript", "transcription", "sentence", "文本", "转写", "句子")
"""Of what is heard in a recording, or written in a picture."""
LABEL_NAMES = (
    "label",
    "labels",
    "class",
    "category",
    "target",
    "sentiment",
    "topic",
    "intent",
    "polarity",
    "标签",
    "类别",
    "分类",
    "情感",
)
SEVERAL = "labels"
"""The column whose cells hold any number of labels, separated by |."""
