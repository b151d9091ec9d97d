"""How the pages look and what runs in the browser: theme, style sheet, script. Nothing comes from outside."""

import json
from pathlib import Path

import gradio as gr

from lipsync.assets import asset

CSS = [asset("css", name) for name in ("portal.css", "locked.css", "compare.css", "cut.css")]
SCRIPT = asset("js", "portal.js")

# One accent, a deep blue-green. On white, 600 and darker reach a contrast of 4.5:1.
ACCENT = gr.themes.Color(
    c50="#effafb",
    c100="#d6f0f3",
    c200="#b0e1e8",
    c300="#7bcbd6",
    c400="#3fadbd",
    c500="#2390a2",
    c600="#177384",
    c700="#175d6b",
    c800="#1a4d59",
    c900="#1a414c",
    c950="#0b2a33",
    name="accent",
)
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "PingFang SC", "Microsoft YaHei", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """Calm surfaces, thin borders, one accent, the system's fonts."""
    return gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue="slate",
        radius_size="sm",
        spacing_size="md",
        font=FONTS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f6f8f9",
        body_background_fill_dark="#0e1518",
        block_background_fill="#ffffff",
        block_background_fill_dark="#151e22",
        block_border_width="1px",
        block_border_color="#dbe2e5",
        block_border_color_dark="#2a363b",
        block_shadow="none",
        block_label_background_fill="*block_background_fill",
        block_label_background_fill_dark="*block_background_fill",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary_dark="#151e22",
        background_fill_secondary="#eef2f4",
        background_fill_secondary_dark="#1c272c",
        table_even_background_fill_dark="#1c272c",
        table_odd_background_fill_dark="#1c272c",
        input_background_fill_dark="#1c272c",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        border_color_primary="#d3dbdf",
        border_color_primary_dark="#33424a",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#eef2f4",
        button_secondary_background_fill_dark="#1c272c",
        button_secondary_background_fill_hover_dark="#26343a",
        button_border_width="1px",
        button_secondary_border_color="#c3ced3",
        button_secondary_border_color_dark="#3b4c54",
        button_primary_border_color="transparent",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_selected="transparent",
        checkbox_label_background_fill_selected_dark="transparent",
        checkbox_label_background_fill_hover="*background_fill_secondary",
        checkbox_label_background_fill_hover_dark="*background_fill_secondary",
        checkbox_label_text_color_selected="*body_text_color",
        checkbox_border_color="#7c8b92",
        checkbox_border_color_dark="#7c8b92",
        checkbox_background_color_dark="#1c272c",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_primary_shadow="none",
        button_secondary_shadow="none",
    )


def script() -> str:
    """The page's script. Gradio's own switch of languages is a module whose name changes with its version."""
    modules = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    core = next((f"assets/{path.name}" for path in modules.glob("core-*.js")), "")
    return SCRIPT.read_text(encoding="utf-8").replace('"CORE_MODULE"', json.dumps(core))
