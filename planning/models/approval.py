"""Who decides how: the policy, delegations, comments, freezes, break-glass, passkeys and what they signed.

All append-only: an end, a lift, a resolution or a review is a row of its own. The guards are in migrations/0008.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

PERSON = settings.AUTH_USER_MODEL


class ApprovalPolicy(models.Model):
    """One version of the policy. In force: the highest number that a second person has confirmed (1 is built in)."""

    number = models.PositiveIntegerField(unique=True)
    rules = models.TextField(help_text="canonical JSON, see planning/core/policy.py")
    rules_sha256 = models.CharField(max_length=64)
    proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = [
            ("change_policy", "Can propose or confirm a change of the approval policy"),
            ("break_glass", "Can force a plan alone in an emergency"),
            ("review_break_glass", "Can review what somebody else forced"),
            ("freeze_sending", "Can stop everything that is not sent yet"),
            ("lift_freeze", "Can let sending begin again"),
            ("delegate_vote", "Can lend the right to vote"),
            ("view_oversight", "Can see how people decide"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(number=1) | (Q(proposed_by__isnull=False) & ~Q(reason="")),
                name="policy_change_names_person_and_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"approval policy {self.number}"


class PolicyConfirmation(models.Model):
    """A second person agreed: the policy is in force from here on."""

    policy = models.OneToOneField(ApprovalPolicy, on_delete=models.PROTECT, related_name="confirmation")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.policy} confirmed"


class Delegation(models.Model):
    """`delegator` lends the right to vote to `delegate`, for a time (portal time), up to so many MW. Not transitive."""

    delegator = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    delegate = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    max_mw = models.DecimalField(max_digits=9, decimal_places=3)
    reason = models.TextField()
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="delegation_ends_after_start"),
            models.CheckConstraint(condition=~Q(delegator=F("delegate")), name="delegation_is_to_somebody_else"),
            models.CheckConstraint(condition=Q(max_mw__gt=0), name="delegation_max_mw_positive"),
            models.CheckConstraint(condition=~Q(reason=""), name="delegation_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.delegator} to {self.delegate}"


class DelegationEnd(models.Model):
    """The delegation was taken back before its time."""

    delegation = models.OneToOneField(Delegation, on_delete=models.PROTECT, related_name="end")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.delegation} ended"


class Comment(models.Model):
    """Words about one version; a blocker holds up every approval until it is resolved."""

    version = models.ForeignKey("planning.PlanVersion", on_delete=models.PROTECT, related_name="comments")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    about = models.CharField(max_length=40, blank=True, help_text="the field of the content it is about")
    blocker = models.BooleanField(default=False)
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="comment_says_something")]

    def __str__(self) -> str:
        return f"comment of {self.by} on {self.version}"


class CommentResolution(models.Model):
    """What settled a blocker."""

    comment = models.OneToOneField(Comment, on_delete=models.PROTECT, related_name="resolution")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="resolution_says_something")]

    def __str__(self) -> str:
        return f"resolution of {self.comment}"


class Freeze(models.Model):
    """Nothing is approved or sent while one is on: now until lifted, or for a span of portal time. Deny beats allow."""

    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    starts_at = models.DateTimeField(help_text="portal time")
    ends_at = models.DateTimeField(null=True, help_text="portal time; null: until somebody lifts it")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(starts_at__lt=F("ends_at")), name="freeze_ends_after_start"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="freeze_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"freeze by {self.by}"


class FreezeLift(models.Model):
    """The freeze is over."""

    freeze = models.OneToOneField(Freeze, on_delete=models.PROTECT, related_name="lift")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="freeze_lift_gives_a_reason")]

    def __str__(self) -> str:
        return f"{self.freeze} lifted"


class BreakGlass(models.Model):
    """One supervisor forced this content through; `forced` (written by PostgreSQL) lists the rules not met."""

    class ReasonCode(models.TextChoices):
        GRID_EMERGENCY = "GRID_EMERGENCY", "Grid emergency declared or imminent"
        NOBODY_REACHABLE = "NOBODY_REACHABLE", "Nobody else can be reached in time"
        SAFETY = "SAFETY", "Danger to people or equipment"
        SYSTEM_FAULT = "SYSTEM_FAULT", "A fault of the portal keeps votes out"

    version = models.OneToOneField("planning.PlanVersion", on_delete=models.PROTECT, related_name="break_glass")
    content_hash = models.CharField(max_length=64)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reason_code = models.CharField(max_length=20, choices=ReasonCode.choices)
    incident = models.CharField(max_length=60, help_text="the number of the incident it belongs to")
    reason = models.TextField()
    step_up = models.CharField(max_length=8)
    forced = models.JSONField(default=list)
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)
    review_due_at = models.DateTimeField(null=True, help_text="wall time, written by PostgreSQL")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(incident="") & ~Q(reason=""), name="break_glass_says_why"),
        ]

    def __str__(self) -> str:
        return f"break-glass on {self.version}"


class BreakGlassReview(models.Model):
    """Somebody else looked at what was forced."""

    class Finding(models.TextChoices):
        JUSTIFIED = "JUSTIFIED", "justified"
        NOT_JUSTIFIED = "NOT_JUSTIFIED", "not justified"

    break_glass = models.OneToOneField(BreakGlass, on_delete=models.PROTECT, related_name="review")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    finding = models.CharField(max_length=16, choices=Finding.choices)
    text = models.TextField()
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="break_glass_review_says_something")]

    def __str__(self) -> str:
        return f"review of {self.break_glass}"


class Escalation(models.Model):
    """So much of the time to decide has passed without a decision; who has been asked since."""

    version = models.ForeignKey("planning.PlanVersion", on_delete=models.PROTECT, related_name="escalations")
    share_pct = models.PositiveSmallIntegerField()
    told = models.JSONField(default=list, help_text="usernames a message was addressed to")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "share_pct"], name="escalation_once_per_step"),
            models.CheckConstraint(condition=Q(share_pct__in=(50, 75, 90)), name="escalation_step_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.share_pct} % of the time has passed"


class Estimate(models.Model):
    """What a person thought the plan would give, before its own number was shown to them."""

    version = models.ForeignKey("planning.PlanVersion", on_delete=models.PROTECT, related_name="estimates")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    mw = models.DecimalField(max_digits=9, decimal_places=3)
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "by"], name="estimate_once_per_person_and_version"),
            models.CheckConstraint(condition=Q(mw__gte=0), name="estimate_not_negative"),
        ]

    def __str__(self) -> str:
        return f"estimate of {self.by} for {self.version}"


class PlanViewing(models.Model):
    """So many seconds a version stood before a person's eyes (the page was visible), told by the page itself."""

    version = models.ForeignKey("planning.PlanVersion", on_delete=models.PROTECT, related_name="viewings")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    seconds = models.PositiveIntegerField()
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(seconds__gte=1, seconds__lte=3600), name="viewing_is_1_s_to_1_h")
        ]

    def __str__(self) -> str:
        return f"{self.by} looked at {self.version} for {self.seconds} s"


class Passkey(models.Model):
    """A person's public key (WebAuthn). The private one never leaves their device."""

    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="passkeys")
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField(help_text="COSE")
    sign_count = models.BigIntegerField(default=0)
    label = models.CharField(max_length=60)
    challenge = models.OneToOneField(
        "planning.StepUpChallenge",
        null=True,
        on_delete=models.PROTECT,
        related_name="enrolled",
        help_text="what was answered, with its proof; null: enrolled before proofs were asked for",
    )
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.label} of {self.user}"


class PasskeyEnd(models.Model):
    """The key is not to be believed any more."""

    passkey = models.OneToOneField(Passkey, on_delete=models.PROTECT, related_name="end")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.passkey} ended"


class PasskeyReset(models.Model):
    """An administrator withdrew all of a person's keys, whatever became of them: the password enrols the next one."""

    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="passkey_resets")
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    through = models.BigIntegerField(default=0, help_text="the newest key it covers, written by PostgreSQL")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = [("reset_passkeys", "Can withdraw the passkeys of somebody else")]
        constraints = [
            models.CheckConstraint(condition=~Q(user=F("by")), name="passkey_reset_is_by_somebody_else"),
            models.CheckConstraint(condition=~Q(reason=""), name="passkey_reset_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"passkeys of {self.user} reset by {self.by}"


class StepUpChallenge(models.Model):
    """A nonce given out once: the passkey signs SHA-256(nonce, content hash, decision). Used or not, it stays."""

    class Proof(models.TextChoices):
        PASSWORD = "PASSWORD", "password"
        PASSKEY = "PASSKEY", "passkey"

    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=12, help_text="ENROL, ENROL_PROOF, APPROVE or BREAK_GLASS")
    content_hash = models.CharField(max_length=64, blank=True)
    proof = models.CharField(
        max_length=8, choices=Proof.choices, blank=True, help_text="of an enrolment: what it was asked for with"
    )
    nonce = models.BinaryField(unique=True)
    wall_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, help_text="wall time")

    def __str__(self) -> str:
        return f"challenge for {self.user}"


class VoteAssertion(models.Model):
    """What the passkey signed, kept as evidence beside the vote, break-glass or enrolment it belongs to."""

    vote = models.OneToOneField("planning.Vote", null=True, on_delete=models.PROTECT, related_name="assertion")
    break_glass = models.OneToOneField(BreakGlass, null=True, on_delete=models.PROTECT, related_name="assertion")
    enrolment = models.OneToOneField(StepUpChallenge, null=True, on_delete=models.PROTECT, related_name="assertion")
    challenge = models.OneToOneField(StepUpChallenge, on_delete=models.PROTECT, related_name="+")
    passkey = models.ForeignKey(Passkey, on_delete=models.PROTECT, related_name="+")
    client_data = models.BinaryField()
    authenticator_data = models.BinaryField()
    signature = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(vote__isnull=False, break_glass__isnull=True, enrolment__isnull=True)
                | Q(vote__isnull=True, break_glass__isnull=False, enrolment__isnull=True)
                | Q(vote__isnull=True, break_glass__isnull=True, enrolment__isnull=False),
                name="assertion_belongs_to_one_decision",
            )
        ]

    def __str__(self) -> str:
        return f"assertion of {self.passkey}"
