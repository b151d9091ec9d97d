"""Studies, their clips, raters, what was handed to them, and their marks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("salt", sa.String(64)),
        sa.Column("made", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("link", name="uq_study_link"),
    )
    op.create_table(
        "stimulus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.String(32), nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("item", sa.String(200), nullable=False),
        sa.Column("method", sa.String(200), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("expected", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_stimulus"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_stimulus_study_id", ondelete="CASCADE"),
        sa.UniqueConstraint("file", name="uq_stimulus_file"),
        sa.UniqueConstraint(
            "study_id", "kind", "item", "method", name="uq_stimulus_study_id_kind_item_method"
        ),
    )
    op.create_table(
        "rater",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("session", sa.String(64)),
        sa.Column("address", sa.String(64)),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("done", sa.Double()),
        sa.Column("completion", sa.String(200)),
        sa.Column("comment", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_rater"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_rater_study_id", ondelete="CASCADE"),
        sa.UniqueConstraint("code", name="uq_rater_code"),
        sa.UniqueConstraint("session", name="uq_rater_session"),
        sa.UniqueConstraint("study_id", "name", name="uq_rater_study_id_name"),
    )
    op.create_index("ix_rater_study_id_address", "rater", ["study_id", "address"])
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stimulus_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer()),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.Column("handed", sa.Double(), nullable=False),
        sa.Column("rated", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_trial"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_trial_rater_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["stimulus_id"], ["stimulus.id"], name="fk_trial_stimulus_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["other_id"], ["stimulus.id"], name="fk_trial_other_id", ondelete="CASCADE"),
        sa.UniqueConstraint("rater_id", "name", name="uq_trial_rater_id_name"),
        sa.UniqueConstraint("rater_id", "position", name="uq_trial_rater_id_position"),
    )
    op.create_index("ix_trial_stimulus_id_other_id_rated", "trial", ["stimulus_id", "other_id", "rated"])
    op.create_index("ix_trial_other_id", "trial", ["other_id"])
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("question", sa.String(32), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rating"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_rating_trial_id", ondelete="CASCADE"),
        sa.UniqueConstraint("trial_id", "token", "question", name="uq_rating_trial_id_token_question"),
    )
