@phase_0
Feature: The images are looked at by others, and what is in them is written down
  A security team signs what it can read: what scanners find that others keep, and a bill of every package with its licence.

  @cp_b13
  Rule: B13 Scanners find nothing in the Dockerfiles and the images, and each image has a bill of its materials

    Scenario Outline: Scanners read the Dockerfile of the <part>
      Given the Dockerfile of the <part>
      Then hadolint has no remark
      And trivy has no remark but those that are answered

      Examples:
        | part     |
        | api      |
        | consumer |

    Scenario Outline: A scanner looks for secrets in the <part> image
      Given the <part> image
      Then trivy finds no secret in any of its layers

      Examples:
        | part     |
        | api      |
        | consumer |

    Scenario Outline: The bill of materials of the <part> image
      Given the <part> image
      When the bill of its materials is written
      Then CycloneDX's schema finds it right
      And it names every pin that applies in the very version, and no other package of ours
      And every package in it has a name and a version, and those without a licence are listed

      Examples:
        | part     |
        | api      |
        | consumer |

  @cp_b14
  Rule: B14 No package has a known flaw that a newer version mends

    Scenario Outline: Known flaws in the <part> image
      Given a database of known flaws
      And the <part> image
      Then no package in it has a known flaw that a newer version mends
      And its base image keeps a list of what it is made of

      Examples:
        | part     |
        | api      |
        | consumer |
