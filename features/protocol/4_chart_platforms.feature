@phase_4
Feature: The chart works with any name, tool and platform
  A release may be called 123, be applied by Argo CD or Flux, or run where the platform chooses the users. What cannot work says so.

  @cp_4_3
  Rule: 4.3 Pods meet Pod Security restricted with a read-only root

    Scenario: OpenShift chooses the users
      When the chart is rendered with openshift-values.yaml
      Then every container is confined and no pod states a user or a group

  @cp_4_5
  Rule: 4.5 The chart renders valid objects and keeps votes

    Scenario: Texts that look like something else stay text
      When the chart is rendered with look-alikes of numbers, dates, booleans and syntax in every value of production-values.yaml
      Then every object stays valid, and every look-alike is quoted

    Scenario Outline: <tool> never waits for what it has not applied yet, with <values file>
      When the chart is rendered with <values file>
      Then no object waits for a later one when <tool> applies the chart

      Examples:
        | values file              | tool                       |
        | default-values.yaml      | Helm or Flux, installation |
        | default-values.yaml      | Helm or Flux, upgrade      |
        | default-values.yaml      | Argo CD, sync              |
        | production-values.yaml   | Helm or Flux, installation |
        | production-values.yaml   | Helm or Flux, upgrade      |
        | production-values.yaml   | Argo CD, sync              |
        | gitops-values.yaml       | Helm or Flux, installation |
        | gitops-values.yaml       | Argo CD, sync              |
        | openshift-values.yaml    | Argo CD, sync              |
        | external-data-values.yaml | Argo CD, sync              |

    Scenario: Hooks end, and can run again
      When the chart is rendered with production-values.yaml
      Then each hook has a deadline and is deleted before it is created again

    Scenario: Rendering for GitOps is repeatable
      When the chart is rendered with gitops-values.yaml
      And rendered once more without a cluster
      Then both renderings are equal

    Scenario: Every two values work together or are refused
      When the chart is rendered so that every two of its values meet
      Then each rendering fits together, and each refusal names the values and what to do

    Scenario: Each refusal begins exactly where the values stop working
      When each number that decides a refusal is at its edge, and one past it
      Then the chart renders with each of at least 30 edges, and refuses what is past it for that reason alone
