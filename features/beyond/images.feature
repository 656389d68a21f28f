@phase_0
Feature: Independent scanners check the images, and an SBOM lists their packages
  A security team approves what it can verify: the results of independent scanners, and every package with its licence.

  @cp_b13
  Rule: B13 Images pass the scanners and have an SBOM

    Scenario Outline: The Dockerfile of the <part> passes the scanners
      Given the Dockerfile of the <part>
      Then hadolint reports nothing
      And trivy reports nothing but accepted findings

      Examples:
        | part     |
        | api      |
        | consumer |

    Scenario Outline: The <part> image contains no secrets
      Given the <part> image
      Then trivy finds no secret in any of its layers

      Examples:
        | part     |
        | api      |
        | consumer |

    Scenario Outline: The SBOM of the <part> image is complete
      Given the <part> image
      When its SBOM is written
      Then the SBOM is valid CycloneDX
      And it lists exactly the pinned Python packages in their pinned versions
      And every package in it has a name and a version, and packages without a licence are reported

      Examples:
        | part     |
        | api      |
        | consumer |

  @cp_b14
  Rule: B14 No package has a known vulnerability with a fix

    Scenario Outline: Known vulnerabilities of the <part> image
      Given a vulnerability database
      And the <part> image
      Then no package in it has a known vulnerability with a fix
      And its base image lists its packages

      Examples:
        | part     |
        | api      |
        | consumer |
